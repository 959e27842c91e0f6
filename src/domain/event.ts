import type { JsonObject } from './json.ts';
import type { Revision } from './revision.ts';

/** The writer id and origin of E-assurance, the hub. */
export const HUB = 'eassurance';

/** What became of an event. A closed union, used unchanged as ledger value, metric label, log field and assertion. */
export const OUTCOMES = ['applied', 'merged', 'stale', 'duplicate', 'echo', 'quarantined'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The first field of every event (schemas/event-meta.avsc). */
export interface EventMeta {
  readonly eventId: string;
  /** `<kind>.<action>`, e.g. `constat.created`. */
  readonly eventType: string;
  readonly providerId: string;
  /** `eassurance` or the provider's id: whose edit this is. */
  readonly origin: string;
  readonly entityType: string;
  readonly entityId: string;
  readonly revision: Revision;
  /** RFC 3339, UTC, milliseconds. Set by the author's clock; decides nothing. */
  readonly occurredAt: string;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly actor: string;
  readonly replay: boolean;
}

/** The full state of an entity after one edit, in plain JSON: uuid and date as strings, instants as
 *  RFC 3339 UTC strings with milliseconds, decimals as plain strings with their scale, absent as null. */
export interface EntityEvent {
  readonly meta: EventMeta;
  readonly state: JsonObject;
  readonly changedFields: readonly string[];
  readonly changeReason: string | null;
  /** Only of an event that was written with another version of the contract than ours: the fields of the state that its
   *  writer's schema lacks (SYNC.md, Schema skew; paths as in `restoreAbsent`). */
  readonly absentFields?: readonly string[];
}
