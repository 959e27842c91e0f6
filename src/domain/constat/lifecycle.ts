import { compileLifecycle, type Step } from '../lifecycle.ts';

/** The lifecycle of a constat (docs/adding-an-entity.md, Rights). E-assurance never issues VALIDATED, REJECTED or
 *  CLOSED; CANCELLED is left by nobody. */
const STEPS: readonly Step[] = [
  { from: [null], to: 'DRAFT', by: ['hub', 'provider'] },
  { from: ['DRAFT'], to: 'SUBMITTED', by: ['hub', 'provider'] },
  { from: ['DRAFT', 'SUBMITTED'], to: 'SIGNED', by: ['hub', 'provider'] },
  { from: ['DRAFT', 'SUBMITTED', 'SIGNED'], to: 'CANCELLED', by: ['creator'] },
  { from: ['SUBMITTED', 'SIGNED'], to: 'CANCELLED', by: ['provider'] },
  { from: ['SUBMITTED', 'SIGNED'], to: 'VALIDATED', by: ['provider'] },
  { from: ['SUBMITTED', 'SIGNED', 'VALIDATED'], to: 'REJECTED', by: ['provider'] },
  { from: ['VALIDATED', 'CONTESTED'], to: 'UNDER_ASSESSMENT', by: ['provider'] },
  // E-assurance contests for the insured.
  { from: ['SIGNED', 'VALIDATED', 'UNDER_ASSESSMENT'], to: 'CONTESTED', by: ['provider', 'hub'] },
  { from: ['CONTESTED'], to: 'VALIDATED', by: ['provider'] },
  { from: ['CONTESTED'], to: 'REJECTED', by: ['provider'] },
  { from: ['CONTESTED', 'VALIDATED', 'UNDER_ASSESSMENT'], to: 'CLOSED', by: ['provider'] },
  { from: ['CLOSED', 'REJECTED'], to: 'REOPENED', by: ['provider'] },
  { from: ['REOPENED'], to: 'UNDER_ASSESSMENT', by: ['provider'] },
  { from: ['REOPENED'], to: 'CONTESTED', by: ['provider'] },
  { from: ['REOPENED'], to: 'CLOSED', by: ['provider'] },
  { from: ['REOPENED'], to: 'REJECTED', by: ['provider'] },
];

export const mayReach = compileLifecycle(STEPS);

/** Whether the table leads from one status to another, whoever takes the steps. An insurer that opened the constat itself
 *  may take every step that anyone may. */
export function mayBecome(from: string | null, to: string | null): boolean {
  return mayReach(from, to, ANY_INSURER, ANY_INSURER);
}

const ANY_INSURER = 'insurer';

/** Statuses in which the parties may still write on the front. */
export const OPEN_STATUSES: ReadonlySet<string> = new Set(['DRAFT', 'SUBMITTED']);
