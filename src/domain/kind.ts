import type { JsonObject, Json } from './json.ts';
import type { AtomTable } from './atom-table.ts';
import type { CanonicalShape } from './canonical.ts';

/** A typed, indexed column of the kind's table that staff search by. `value` is total: whatever can be decoded can
 *  be stored, so it returns a bounded, cleaned value or null (see `searchText`). */
export interface SearchColumn {
  readonly name: string;
  readonly type: 'text' | 'date' | 'timestamptz' | 'boolean' | 'integer';
  readonly value: (state: JsonObject) => string | number | boolean | null;
}

/** A query parameter of the kind's list: it matches when any of `columns` equals `normalize(value)`. */
export interface SearchFilter {
  readonly columns: readonly string[];
  readonly normalize?: (value: string) => string;
}

/** A rule of the form that a state breaks. `pointer` is an RFC 6901 JSON pointer into the state. */
export interface Violation {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
  /** Absent: an error. Our own API refuses an edit on errors only; a warning is recorded and shown. */
  readonly severity?: 'error' | 'warning';
}

/** Reference data a rule may depend on; passed in, so that judging stays pure. */
export interface RuleContext {
  /** Today in Africa/Algiers, `YYYY-MM-DD`. */
  readonly today: string;
}

/** A change that its originator had no right to make (SYNC.md rules 7 and 8). */
export interface RefusedChange {
  readonly atom: string;
  readonly reason: string;
}

/** What is known of a stored entity without reading its state. */
export interface StoredSummary {
  readonly status: string | null;
  /** Hash of the sealed front (hex), computed by the hub when the seal appeared; null while unsealed. */
  readonly seal: string | null;
  readonly createdBy: string;
}

/** How two states of a kind become one (SYNC.md, Merge). */
export interface MergeRules {
  /** Which fields are merged together, and which lists by key; everything else is an atom of its own. */
  readonly table: AtomTable;
  /** The status is decided by the lifecycle, not by an owner. `mayBecome`: whether the table leads there, whoever
   *  takes the steps; absent where only the provider says how things stand. */
  readonly status?: {
    readonly atom: string;
    readonly field: string;
    readonly mayBecome?: (from: string | null, to: string | null) => boolean;
  };
  readonly seal?: SealRules;
}

/** What happens to a kind's atoms once a seal has made one of its front. */
export interface SealRules {
  /** Exactly when `sealedFront` has one. */
  readonly isSealed: (state: JsonObject) => boolean;
  /** Whether the seal protects what stands under this atom name. */
  readonly holds: (atom: string) => boolean;
  /** Where the hub's own hash of the front is kept. */
  readonly hashField: string;
  /** Statuses that a sealed entity can't have, and the one that it has instead. */
  readonly openStatuses: ReadonlySet<string>;
  readonly sealedStatus: string;
}

/** What one folder of `domain/` says about one kind of entity. Pure data and total functions. */
export interface KindDefinition {
  /** `constat`: the topic segment, the table, and the field of its Avro records that holds the state. */
  readonly name: string;
  /** `constats`: the path segment in HTTP APIs. */
  readonly collection: string;
  /** The state's field that holds the entity id. */
  readonly idField: string;
  /** Action → Avro record, e.g. `created` → `ConstatCreated`. The first is used for a new entity, the last for changes. */
  readonly events: Readonly<Record<string, string>>;
  readonly columns: readonly SearchColumn[];
  readonly filters: Readonly<Record<string, SearchFilter>>;
  readonly status: (state: JsonObject) => string | null;
  /** The writer that opened the entity, when the state says so. */
  readonly createdBy: (state: JsonObject) => string | null;
  /** The fields that a seal protects, or null while the state is not sealed. */
  readonly sealedFront: (state: JsonObject) => JsonObject | null;
  /** The same fields, sealed or not; absent for a kind that is never sealed. */
  readonly front?: (state: JsonObject) => JsonObject;
  /** Rules of the form that the state breaks; never throws. */
  readonly violations: (state: JsonObject, context: RuleContext) => readonly Violation[];
  /** Changes from `stored` to `state` that are not `originator`'s right. `seal` is the hub's own hash of the front of `state`, as if sealed. */
  readonly refusedChanges: (
    stored: StoredSummary,
    state: JsonObject,
    seal: string | null,
    originator: string,
  ) => readonly RefusedChange[];
  /** The smallest pieces that are merged as a whole: atom name → its value (SYNC.md, Atoms). Two states differ in an
   *  atom when the canonical forms of its values differ. */
  readonly atoms: (state: JsonObject) => ReadonlyMap<string, Json>;
  /** Absent: every field is an atom of its own, without seal or lifecycle. */
  readonly merge?: MergeRules;
}

/** A kind together with the canonical shape that its Avro contract gives its state. */
export interface EntityKind extends KindDefinition {
  readonly shape: CanonicalShape;
}
