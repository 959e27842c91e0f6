import { digestOfPart } from './canonical-form.ts';
import { isObject } from './json.ts';
import type { Json, JsonObject } from './json.ts';
import type { PlatformKind } from './kinds.ts';
import type { Contracts } from './load-contracts.ts';
import { PlatformError } from './platform-error.ts';

/** From which states an agent of the insurer may sign and validate (the contract's table of lifecycle rules). */
const SIGNABLE = ['DRAFT', 'SUBMITTED'];
const VALIDATABLE = ['SUBMITTED', 'SIGNED', 'CONTESTED'];

/** Both parties sign: signatures, status and the hash of the front change together. */
export function signPatch(
  state: JsonObject,
  kind: PlatformKind,
  contracts: Contracts,
  at: string,
): JsonObject {
  requireStatus(state, SIGNABLE, 'signed');
  const signature = { status: 'SIGNED', signedAt: at, attachmentId: null };
  const parties = partiesOf(state).map((party) => ({ ...party, signature }));
  return { status: 'SIGNED', parties, sealedContentHash: frontOf({ ...state, parties }, kind, contracts) };
}

/** The insurer accepts the statement. */
export function validatePatch(state: JsonObject): JsonObject {
  requireStatus(state, VALIDATABLE, 'validated');
  return { status: 'VALIDATED' };
}

/** Once both have signed, and in every status after that. */
export function isSealed(state: JsonObject): boolean {
  if (state.status === 'SIGNED') return true;
  return !SIGNABLE.includes(statusOf(state)) && typeof state.sealedContentHash === 'string';
}

/** SHA-256 of the canonical form of the front: sections 1 to 13 and 15 of the form, with the signatures. Beside it stay
 *  each driver's own remarks, and what insurers add for their own use. */
export function frontOf(state: JsonObject, kind: PlatformKind, contracts: Contracts): string {
  const { unilateral, accident, witnesses, sketch } = state;
  const parties = partiesOf(state).map((party) => ({
    ...without(party, 'isProviderInsured', 'remarks'),
    vehicle: without(party.vehicle, 'vehicleId'),
    trailer: without(party.trailer, 'vehicleId'),
    insurance: without(party.insurance, 'guarantees'),
  }));
  return digestOfPart(contracts, kind, {
    unilateral,
    accident: without(accident, 'policeReport'),
    parties,
    witnesses,
    sketch,
  });
}

function without(value: Json | undefined, ...fields: string[]): JsonObject | null {
  if (!isObject(value)) return null;
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field)));
}

function statusOf({ status }: JsonObject): string {
  return typeof status === 'string' ? status : 'UNKNOWN';
}

function partiesOf(state: JsonObject): readonly JsonObject[] {
  return (state.parties ?? []) as readonly JsonObject[];
}

function requireStatus(state: JsonObject, allowed: readonly string[], action: string): void {
  if (allowed.includes(statusOf(state))) return;
  throw new PlatformError(409, 'WRONG_STATUS', `A constat that is ${statusOf(state)} can't be ${action}.`);
}
