import type { Json, JsonObject } from './json.ts';
import type { Violation } from './kind.ts';
import { absent } from './read-state.ts';

/** Collects the rules of the form that a state breaks. Messages name the rule, never the value: they are stored and shown. */
export interface Findings {
  error(pointer: string, code: string, message: string): void;
  warning(pointer: string, code: string, message: string): void;
}

/** No state needs more to be looked at again, and a list of a million wrong elements must not fill its row. */
const MAX_FINDINGS = 100;

/** Runs `check` and returns what it found, at most the first hundred. */
export function collectFindings(check: (findings: Findings) => void): readonly Violation[] {
  const found: Violation[] = [];
  const add = (violation: Violation): void => {
    if (found.length < MAX_FINDINGS) found.push(violation);
  };
  check({
    error: (pointer, code, message) => add({ pointer, code, message, severity: 'error' }),
    warning: (pointer, code, message) => add({ pointer, code, message, severity: 'warning' }),
  });
  return found;
}

/** Texts that are longer than people write, or than the other side's columns hold. */
export function checkLengths(
  state: JsonObject,
  at: string,
  limits: Readonly<Record<string, number>>,
  findings: Findings,
): void {
  for (const field in limits) {
    const value = state[field];
    const limit = limits[field]!;
    if (typeof value === 'string' && value.length > limit) {
      findings.error(`${at}/${field}`, 'TEXT_TOO_LONG', `At most ${limit} characters fit here.`);
    }
  }
}

/** A text with a fixed form; an absent one is no fault. */
export function checkPattern(
  state: JsonObject,
  field: string,
  at: string,
  rule: { readonly pattern: RegExp; readonly code: string; readonly message: string },
  findings: Findings,
): void {
  const value = state[field];
  if (!absent(value) && !(typeof value === 'string' && rule.pattern.test(value)))
    findings.error(`${at}/${field}`, rule.code, rule.message);
}

/** A number between two bounds, both included; an absent one is no fault. */
export function checkRange(
  state: JsonObject,
  field: string,
  at: string,
  rule: { readonly min: number; readonly max: number; readonly code: string; readonly what: string },
  findings: Findings,
): void {
  const value = state[field];
  if (absent(value) || (typeof value === 'number' && value >= rule.min && value <= rule.max)) return;
  findings.error(`${at}/${field}`, rule.code, `${rule.what} lies between ${rule.min} and ${rule.max}.`);
}

/** Elements of a list with identity whose key was used before. */
export function checkKeys(elements: readonly Json[], at: string, key: string, findings: Findings): void {
  if (elements.length < 2) return;
  const seen = new Set<Json>();
  elements.forEach((element, i) => {
    const value = typeof element === 'object' && element !== null ? (element as JsonObject)[key] : undefined;
    if (value === undefined || value === null) return;
    if (seen.has(value))
      findings.error(
        `${at}/${i}/${key}`,
        'LIST_KEY_DUPLICATE',
        `Two entries of the list have the same ${key}.`,
      );
    seen.add(value);
  });
}

export const COUNTRY = {
  pattern: /^[A-Z]{2}$/,
  code: 'COUNTRY_INVALID',
  message: 'A country is two capital letters (ISO 3166-1).',
};
export const CURRENCY = {
  pattern: /^[A-Z]{3}$/,
  code: 'CURRENCY_INVALID',
  message: 'A currency is three capital letters (ISO 4217).',
};
export const AMOUNT = {
  pattern: /^\d{1,13}\.\d\d$/,
  code: 'AMOUNT_INVALID',
  message: 'An amount is not negative and has two decimals.',
};
