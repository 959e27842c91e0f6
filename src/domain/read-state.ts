import type { Json, JsonObject } from './json.ts';

/** Reading a state that may be anything: whatever can be decoded is judged, shown and stored, so none of these throws. */
const EMPTY: JsonObject = {};

/** The record, or an empty one. */
export function record(value: Json | undefined): JsonObject {
  return isRecord(value) ? value : EMPTY;
}

export function isRecord(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The list, or an empty one. */
export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The text, or null; an empty one counts as absent. */
export function text(value: Json | undefined): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

export function number(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** True when the field holds nothing. */
export function absent(value: Json | undefined): boolean {
  return value === undefined || value === null || value === '';
}
