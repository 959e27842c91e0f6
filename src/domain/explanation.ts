import type { Outcome } from './event.ts';
import type { Json } from './json.ts';
import type { Revision } from './revision.ts';

/** Everything that happened to one entity, as data: what `bridge explain` prints and the API answers. Times are milliseconds;
 *  sentences hold times as their reader asked for them; personal data is masked. */
export interface Explanation {
  readonly subject: string;
  /** Null when nothing of the subject was ever applied: it waits in quarantine, or has not been read yet. */
  readonly entity: ExplainedEntity | null;
  /** The event that the subject names; null when it names the entity. */
  readonly eventId: string | null;
  /** In the order in which it happened here. */
  readonly episodes: readonly Episode[];
  /** What could not be told, and why. */
  readonly notes: readonly string[];
  /** How things stand, in a sentence. */
  readonly summary: string;
}

export interface ExplainedEntity {
  readonly kind: string;
  readonly id: string;
  readonly provider: string;
  readonly revision: Revision;
  readonly status: string | null;
  readonly erased: boolean;
  readonly updatedAtMs: number;
}

export type ExplainResult =
  | { readonly status: 'explained'; readonly explanation: Explanation }
  /** A reference that more than one entity has. */
  | { readonly status: 'several'; readonly sentence: string; readonly matches: readonly ExplainedEntity[] }
  | { readonly status: 'unknown'; readonly sentence: string };

export interface RecordPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** One piece that an event changed. */
export interface Change {
  readonly atom: string;
  readonly before: Json;
  readonly after: Json;
}

/** How far a consumer group of the provider is on the partition of a published event. */
export interface Reader {
  readonly group: string;
  /** The next offset that it will read. */
  readonly committed: bigint;
  /** It has read past the event. */
  readonly past: boolean;
}

export interface EventEpisode {
  readonly what: 'event';
  readonly atMs: number;
  readonly eventId: string;
  readonly eventType: string;
  /** `eassurance` or the provider. */
  readonly origin: string;
  readonly author: string;
  readonly source: string;
  readonly revision: Revision;
  readonly occurredAtMs: number;
  readonly outcome: Outcome;
  readonly why: string;
  /** Null when it can't be told; `changesUnknown` says why. */
  readonly changes: readonly Change[] | null;
  readonly changesUnknown: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly received: RecordPosition | null;
  /** Of an event that the hub publishes; null for every other. */
  readonly sending: Sending | null;
}

export type Sending =
  | { readonly state: 'waiting' }
  | { readonly state: 'parked'; readonly atMs: number; readonly code: string; readonly cause: string }
  | {
      readonly state: 'published';
      readonly atMs: number;
      readonly position: RecordPosition;
      /** Null when it is not known. */
      readonly readers: readonly Reader[] | null;
    };

export type Episode =
  | EventEpisode
  | {
      readonly what: 'arrival';
      readonly atMs: number;
      readonly eventId: string;
      readonly outcome: Outcome;
      readonly why: string;
      readonly position: RecordPosition;
    }
  | {
      readonly what: 'quarantine';
      readonly atMs: number;
      readonly id: string;
      readonly eventId: string | null;
      readonly code: string;
      readonly cause: string;
      readonly why: string;
      readonly position: RecordPosition | null;
      readonly attempts: number;
      readonly settled: { readonly atMs: number; readonly how: string } | null;
    }
  | {
      readonly what: 'conflict opened';
      readonly atMs: number;
      readonly conflictId: string;
      readonly atom: string;
      readonly code: string;
      readonly why: string;
      readonly severity: 'critical' | 'normal';
      readonly stands: 'ours' | 'theirs';
      readonly ours: Json;
      readonly theirs: Json;
      readonly status: 'open' | 'settled';
    }
  | {
      readonly what: 'conflict settled';
      readonly atMs: number;
      readonly conflictId: string;
      readonly atom: string;
      readonly by: string;
      readonly reason: string | null;
      readonly eventId: string | null;
    }
  | {
      readonly what: 'flag';
      readonly atMs: number;
      readonly code: string;
      readonly eventId: string;
      readonly clearedAtMs: number | null;
    };
