import type { WritePlan } from '../ports.ts';

/** Writes nothing; a plan spreads it and says what it does write. */
export const EMPTY_PLAN: WritePlan = {
  events: [],
  entities: [],
  outbox: [],
  deliveries: [],
  quarantined: [],
  conflicts: [],
  settlements: [],
  flags: [],
  positions: [],
  idempotency: [],
};
