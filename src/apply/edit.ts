import type { JsonObject, Json } from '../domain/json.ts';
import type { EntityKind, Violation } from '../domain/kind.ts';
import type { Revision } from '../domain/revision.ts';
import type { Side } from '../domain/conflict.ts';
import type { Conflict } from '../ports.ts';

/** Who edits, and the trail that the edit continues. */
export interface EditContext {
  /** Name of the person or system that the API key belongs to. */
  readonly author: string;
  readonly correlationId: string | null;
  /** W3C trace context of the request, continued through Kafka. */
  readonly traceparent: string | null;
}

export interface CreateEdit {
  readonly kind: EntityKind;
  readonly provider: string;
  /** The whole state but for what the hub sets itself: the id field, `providerId`, `createdBy`, `createdAt`, `updatedAt`, `sealedContentHash`. */
  readonly state: JsonObject;
  readonly context: EditContext;
  readonly idempotency: {
    readonly key: string;
    readonly apiKeyId: string;
    readonly requestDigest: string;
  } | null;
}

export interface PatchEdit {
  readonly kind: EntityKind;
  readonly id: string;
  /** Providers whose entities the author may touch; null for all. Another's entity is `missing`. */
  readonly providers: readonly string[] | null;
  /** JSON merge patch (RFC 7396). */
  readonly patch: JsonObject;
  /** `exact`: the stored revision must be this one. `based`: the revision at which the form was opened; the patch is
   *  applied to the current state when none of the atoms it touches has moved since. */
  readonly condition: { readonly mode: 'exact' | 'based'; readonly revision: Revision };
  readonly changeReason: string | null;
  readonly context: EditContext;
}

export interface SettleEdit {
  /** As it was read. */
  readonly conflict: Conflict;
  /** The newest value of one side, or another one. */
  readonly choice: Side | { readonly value: Json };
  /** The entity's revision that the author had read: the stored one must be this. */
  readonly revision: Revision;
  /** Providers whose entities the author may touch; null for all. Another's is `missing`. */
  readonly providers: readonly string[] | null;
  readonly context: EditContext;
  readonly reason: string | null;
}

/** `updated`: the value was written and the conflict settled. `unchanged`: it stood already; the conflict is settled and
 *  nothing else was written. `closed`: it was settled before. */
export type SettleResult = EditResult | { readonly status: 'closed' };

/** An entity as people see it. */
export interface EditedEntity {
  readonly kind: string;
  readonly id: string;
  readonly provider: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  readonly violations: readonly Violation[];
  /** When this revision was written here, milliseconds. */
  readonly updatedAtMs: number;
}

/** One atom that has moved since the form was opened. */
export interface AtomClash {
  readonly atom: string;
  readonly base: Json;
  readonly theirs: Json;
  readonly yours: Json;
}

/** What became of an edit. Only `created` and `updated` wrote anything. */
export type EditResult =
  | { readonly status: 'created' | 'updated' | 'repeated' | 'unchanged'; readonly entity: EditedEntity }
  | { readonly status: 'missing' }
  /** `exact`, and the revision has moved. */
  | { readonly status: 'moved'; readonly current: EditedEntity }
  | { readonly status: 'clash'; readonly current: EditedEntity; readonly atoms: readonly AtomClash[] }
  /** `based`, on a revision that the history does not hold. */
  | { readonly status: 'unknown-base'; readonly current: EditedEntity }
  | { readonly status: 'invalid'; readonly violations: readonly Violation[] }
  | { readonly status: 'too-large'; readonly bytes: number; readonly limit: number }
  /** The idempotency key was used with another request. */
  | { readonly status: 'key-reused' };

/** The edits the API can make; implemented by `createEdits` in this folder. */
export interface Edits {
  create(edit: CreateEdit): Promise<EditResult>;
  /** Also settles the open conflicts on the atoms that it changes, as far as its author had seen them. */
  patch(edit: PatchEdit): Promise<EditResult>;
  settle(edit: SettleEdit): Promise<SettleResult>;
}
