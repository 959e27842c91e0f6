import type { JsonObject } from './json.ts';
import type { Revision } from './revision.ts';

/** One record as the platform keeps it: its state and, beside it, the revision. */
export interface PlatformRecord {
  readonly kind: string;
  readonly id: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  /** SHA-256 of the canonical form, hex. */
  readonly digest: string;
  /** When the platform last wrote it: RFC 3339, UTC, milliseconds. The GET API walks in this order. */
  readonly updatedAt: string;
  /** The event that brought this revision here or took it out; null for a record that never travelled. */
  readonly eventId: string | null;
}

/** Where the event of a record's present revision stands in Kafka. */
export interface EventPosition {
  readonly direction: 'sent' | 'received';
  readonly topic: string;
  /** Null while the event still waits in the outbox. */
  readonly partition: number | null;
  readonly offset: string | null;
  /** When Kafka acknowledged it, or when its receipt was committed here; null while it waits. */
  readonly at: string | null;
}

/** What became of a received event. `own`: ours, come back. `ignored`: does not dominate. `unreadable`: not an event at all. */
export type Receipt = 'applied' | 'ignored' | 'duplicate' | 'own' | 'unreadable';

/** One line of the platform's log of events, both ways. */
export interface LoggedEvent extends EventPosition {
  /** Strictly increasing; `?after=` takes it. */
  readonly number: string;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly kind: string | null;
  readonly id: string | null;
  readonly revision: Revision | null;
  readonly outcome: Receipt | 'sent';
  /** Why an event could not be read. */
  readonly cause: string | null;
}
