/** Every boundary of the bridge, on one page. An adapter (kafka/, avro/, postgres/, rest/, telemetry/) implements these
 *  types; a flow (apply/, consume/, relay/, pull/, api/, provision/) sees nothing else of the outside world.
 *  All of them throw TransientError when the world is at fault and PermanentError when the input is. */
import type { Logger } from 'pino';
import type { TransientError } from './domain/errors.ts';
import type { EntityEvent, Outcome } from './domain/event.ts';
import type { ExplainedEntity, RecordPosition } from './domain/explanation.ts';
import type { Json, JsonObject } from './domain/json.ts';
import type { EntityKind, Violation } from './domain/kind.ts';
import type { Rhythm } from './domain/lag/judge-provider.ts';
import type { LagReport } from './domain/lag/report.ts';
import type { AppliedPosition, Incident, Obstacle, QuarantineGrowth } from './domain/lag/sample.ts';
import type { HeldEvent } from './domain/prunable-states.ts';
import type { Revision } from './domain/revision.ts';

export type Log = Logger;

/** Now, in milliseconds since the epoch. */
export type Clock = () => number;
/** A new UUIDv7 (RFC 9562). */
export type NewId = () => string;

// ── What exists: topics.yaml, parsed ────────────────────────────────────────────────────────────────────────────────

export interface Provider {
  readonly id: string;
  readonly name: string;
  /** Its Kafka (SCRAM) user. */
  readonly user: string;
  /** Every writer id ever allotted to it; the last is in use. */
  readonly writerIds: readonly string[];
  readonly shareVerifications: boolean;
  /** Atoms, by kind, whose true clashes E-assurance wins; every other atom is the provider's. A name covers what it contains. */
  readonly hubOwns?: Readonly<Record<string, readonly string[]>>;
  readonly pull: { readonly intervalMs: number; readonly collections: readonly string[] };
  /** Heartbeats that go out and come back in. */
  readonly canary?: CanaryTopic;
}

/** How a topic is kept. */
export interface TopicUpkeep {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
}

/** A topic that E-assurance alone writes and reads: it carries no event. */
export interface CanaryTopic extends TopicUpkeep {
  readonly intervalMs: number;
}

/** One topic: `<provider>-<kind>.<action>`. `providerId` is `shared` for the shared topics. */
export interface TopicRoute extends TopicUpkeep {
  readonly providerId: string;
  readonly kind: string;
  readonly action: string;
  /** Full name of the Avro record it carries, e.g. `dz.eassurance.events.v1.ConstatCreated`. */
  readonly record: string;
  /** Origins that may write it: `eassurance`, the provider's id, or both. */
  readonly writers: readonly string[];
}

export interface Topology {
  readonly providers: ReadonlyMap<string, Provider>;
  readonly routes: ReadonlyMap<string, TopicRoute>;
  readonly kinds: ReadonlyMap<string, EntityKind>;
}

// ── Kafka ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface WireRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  /** The broker's append time, milliseconds. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** One fetch of one partition. Nothing is committed or resolved unless `commit` is called. */
export interface WireBatch {
  readonly topic: string;
  readonly partition: number;
  /** The offset this fetch asked for. */
  readonly fetchedFrom: bigint;
  /** The first offset that the broker does not have yet. */
  readonly highWatermark: bigint;
  /** In offset order; never empty. */
  readonly records: readonly WireRecord[];
  /** Keeps the group membership alive; to be called while waiting. Throws when the membership is gone. */
  heartbeat(): Promise<void>;
  /** True once the partition was taken away, or the consumer is stopping. */
  isStale(): boolean;
  /** Resolves the batch at once, and once Kafka has answered the commit of `nextOffset` to the group. Never rejects: a commit
   *  that is lost is harmless, positions are in PostgreSQL. */
  commit(nextOffset: bigint): Promise<void>;
  /** The next fetch of this partition starts at `offset`. */
  seek(offset: bigint): void;
}

/** One consumer group member for one provider's topics. */
export interface TopicConsumer {
  /** Joins the group and calls `handle` with one batch at a time per partition, several partitions at once, until
   *  `signal` aborts; then lets the batches in flight finish, leaves the group and resolves. Rejects when the consumer
   *  died or `handle` rejected: no batch is skipped after a rejection. */
  run(handle: (batch: WireBatch) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** What this member believes to hold at the moment; null while it is in no group. */
  membership(): GroupMembership | null;
  /** Commits these positions to the group, of partitions that are held and whose own commit was lost; the others are left
   *  as they are. Never rejects: what is lost again is committed by the next call. */
  commitSettled(positions: readonly PartitionPosition[]): Promise<void>;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}
export interface PartitionPosition extends TopicPartition {
  /** The first offset that is not settled. */
  readonly next: bigint;
}
export interface GroupMembership {
  readonly memberId: string;
  readonly partitions: readonly HeldPartition[];
}
export interface HeldPartition extends TopicPartition {
  /** The first offset behind what was read and held no record: transaction markers and what was aborted. */
  readonly emptyTo: bigint | null;
}

export interface OutgoingRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}
export type SendResult =
  | { readonly status: 'acknowledged'; readonly partition: number; readonly offset: bigint }
  | { readonly status: 'refused'; readonly code: string; readonly cause: string }
  /** Nobody knows whether it was written: sending it again is right. */
  | { readonly status: 'unknown'; readonly error: TransientError };

export interface TopicSink {
  /** Sends in the order given (per key; `acks=all`, idempotent producer) and tells what became of each record, in the
   *  same order. A record that Kafka refuses for good is `refused`, one without an answer is `unknown`, and the others
   *  still go: an outage of one topic has nothing of another sent twice. */
  send(records: readonly OutgoingRecord[]): Promise<readonly SendResult[]>;
}

/** Reads about the cluster that the flows need while running. */
export interface TopicInspector {
  /** Identity of the topic (KIP-516): a topic that was deleted and created again has another. Undefined when it doesn't exist. */
  topicIds(topics: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** The oldest offset still kept. */
  earliestOffset(topic: string, partition: number): Promise<bigint>;
  /** The first offset that readers do not get yet, by partition. One whose leader can't be asked is left out, and hides no
   *  other; so is a topic that doesn't exist, unless none does. */
  endOffsets(topics: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<number, bigint>>>;
  /** The ids of the members that the group's coordinator counts. */
  groupMembers(groupId: string): Promise<ReadonlySet<string>>;
}

/** Where the log of a topic's partitions begins and ends, for people who move positions. */
export interface TopicOffsets {
  /** By partition: the oldest offset still kept, the next one to be written, or that of the first record since an instant
   *  (milliseconds; the end when there is none). Throws TransientError when the cluster can't answer. */
  offsets(
    topic: string,
    partitions: number,
    at: 'earliest' | 'end' | number,
  ): Promise<ReadonlyMap<number, bigint>>;
}

// ── Provisioning ────────────────────────────────────────────────────────────────────────────────────────────────────

/** A topic as it stands or should stand. `config` holds the keys that we set, as Kafka writes them. */
export interface TopicState {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface AclRule {
  /** `User:saa` */
  readonly principal: string;
  readonly resource:
    'topic' | 'group' | 'cluster' | 'transactional id' | 'delegation token' | 'user' | 'unknown';
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed' | 'unknown';
  /** `Read`, `Write`, `Describe` … as Kafka names them. */
  readonly operation: string;
  readonly permission: 'allow' | 'deny' | 'unknown';
  readonly host: string;
}

/** `unchecked`: the user exists; whether its password is the given one can't be told. */
export type KafkaUserState = 'absent' | 'current' | 'other password' | 'unchecked';

/** What `bridge topics` needs of the cluster. Each change is durable when its promise resolves. */
export interface ClusterAdmin {
  /** Those of `topics` that exist, with the values of `configKeys` in force. */
  describeTopics(
    topics: readonly string[],
    configKeys: readonly string[],
  ): Promise<ReadonlyMap<string, TopicState>>;
  createTopic(topic: TopicState): Promise<void>;
  /** Raises the number of partitions to `partitions`; Kafka refuses to lower it. */
  addPartitions(topic: string, partitions: number): Promise<void>;
  /** Sets these keys and leaves all others. */
  alterTopicConfig(topic: string, config: Readonly<Record<string, string>>): Promise<void>;
  describeAcls(): Promise<readonly AclRule[]>;
  createAcls(acls: readonly AclRule[]): Promise<void>;
  /** Removes exactly these rules. */
  deleteAcls(acls: readonly AclRule[]): Promise<void>;
  /** Whether the SCRAM user exists, and with this password. */
  inspectUser(user: string, password: string | undefined): Promise<KafkaUserState>;
  /** Creates the SCRAM user or replaces its password. */
  setPassword(user: string, password: string): Promise<void>;
  close(): Promise<void>;
}

// ── Avro and the registry ───────────────────────────────────────────────────────────────────────────────────────────

/** `schemaRef` is the id of the writer's schema in our own `schema` table: bytes stay readable without any registry. */
export type Decoded =
  | {
      readonly readable: true;
      readonly event: EntityEvent;
      readonly kind: EntityKind;
      readonly schemaRef: number;
    }
  | {
      readonly readable: false;
      readonly code: 'UNDECODABLE' | 'UNKNOWN_SCHEMA';
      /** A sentence without any value of the event. */
      readonly cause: string;
      readonly schemaId: number | null;
      /** What the bytes say when they are well-formed and contradict only themselves or their topic. */
      readonly event?: EntityEvent;
    };

export interface EventCodec {
  /** Asks for the schemas that these values need and that are not known yet, so that `decodeBatch` has nothing to wait for.
   *  Throws TransientError while the registry can't be asked. */
  prepare(values: readonly (Buffer | null)[]): Promise<void>;
  /** Decodes values of one topic, in order. Throws TransientError while the registry can't be asked about an unknown id. */
  decodeBatch(topic: string, values: readonly (Buffer | null)[]): Promise<readonly Decoded[]>;
  /** Confluent framing, with our own schema of the topic's record. Throws PermanentError `UNENCODABLE` naming the field. */
  encode(topic: string, event: EntityEvent): Promise<{ readonly bytes: Buffer; readonly schemaRef: number }>;
  /** Decodes bytes kept in `event` (as they travelled, framing included). */
  decodeStored(bytes: Buffer, schemaRef: number): Promise<EntityEvent>;
  /** The state as Avro would return it: absent fields become null or their default, decimals get their scale.
   *  Unknown fields and wrong types throw PermanentError `UNENCODABLE` naming the field. */
  normalise(kind: EntityKind, state: JsonObject): JsonObject;
}

/** Our own copy of every writer's schema. */
export interface SchemaTable {
  /** Stores the definition unless it is there (equal by fingerprint) and returns its id. */
  intern(definition: string): Promise<number>;
  load(schemaRef: number): Promise<string>;
}

// ── PostgreSQL: one event, one row ──────────────────────────────────────────────────────────────────────────────────

/** The entity row without its state. */
export interface StoredEntity {
  readonly id: string;
  readonly provider: string;
  readonly revision: Revision;
  /** SHA-256 of the canonical form, hex. */
  readonly digest: string;
  readonly status: string | null;
  /** Hash of the sealed front, hex; null while unsealed. */
  readonly seal: string | null;
  readonly createdBy: string;
  readonly erased: boolean;
  /** The event whose bytes are the state. */
  readonly eventId: string;
  /** When this row was written, milliseconds. */
  readonly updatedAtMs: number;
}

export interface EntityWrite {
  readonly kind: EntityKind;
  /** The revision that was read, or null when the entity was absent: the compare-and-set. */
  readonly expected: Revision | null;
  readonly entity: Omit<StoredEntity, 'updatedAtMs'>;
  readonly violations: readonly Violation[];
  /** The decoded state: the adapter takes the kind's search columns from it. */
  readonly state: JsonObject;
}

/** Where an event came from: a topic, a provider's GET API, our own API, a merge, the sharing of a verification, or a
 *  state of ours that the provider had lost and was sent again. */
export type EventSource = 'topic' | 'pull' | 'api' | 'merge' | 'share' | 'republish';

/** One row of `event`: ledger and history in one. */
export interface EventRow {
  readonly eventId: string;
  readonly kind: string;
  readonly entityId: string;
  readonly provider: string;
  readonly eventType: string;
  readonly origin: string;
  readonly source: EventSource;
  /** The topic it came from or goes to. */
  readonly topic: string;
  readonly partition: number | null;
  readonly offset: bigint | null;
  readonly revision: Revision;
  readonly digest: string;
  readonly outcome: Outcome;
  /** The person or system behind an edit of ours; the provider's id for theirs. */
  readonly author: string;
  readonly occurredAtMs: number;
  readonly schemaRef: number;
  readonly bytes: Buffer;
}

export interface QuarantineRow {
  readonly code: string;
  readonly cause: string;
  readonly topic: string;
  readonly partition: number | null;
  readonly offset: bigint | null;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly schemaId: number | null;
  /** What is known of it, when it could be read. */
  readonly provider: string;
  readonly eventId: string | null;
  readonly kind: string | null;
  readonly entityId: string | null;
  /** Null when it could not be read or says nothing: who comes later is then told by the position. */
  readonly revision: Revision | null;
}

/** A record that was settled, and that may have waited in quarantine from an earlier arrival. */
export interface SettledRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly outcome: Outcome;
}

/** How a record leaves quarantine: an outcome like any other's, or by people's decision. */
export type QuarantineEnd = Exclude<Outcome, 'quarantined'> | 'edited' | 'discarded';

/** What becomes of a row of quarantine that somebody works on. */
export interface QuarantineStep {
  readonly id: string;
  /** Null: it stays, and is only held until the commit. */
  readonly how: QuarantineEnd | null;
  readonly by: string;
  readonly reason: string | null;
}

/** Who did what to which subject, and why: one row of the audit, which refuses updates and deletes. */
export interface AuditEntry {
  /** The person or system. */
  readonly actor: string;
  /** `<thing>.<verb>`, e.g. `key.revoke`. */
  readonly action: string;
  /** `<thing>/<id>`, e.g. `constat/0190…`. */
  readonly subject: string;
  /** Why and how; no secret, and no personal data that the subject itself doesn't need. */
  readonly detail?: JsonObject;
}

/** A later arrival of an event we know (`duplicate`, `stale` …) or the relay's acknowledgement (`published`). */
export interface DeliveryRow {
  readonly eventId: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly outcome: Outcome | 'published';
}

/** The step of a partition: it is taken only when the stored position is still `expected` (null: none yet). */
export interface PositionAdvance {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  readonly expected: bigint | null;
  readonly next: bigint;
  /** The broker's time of the newest record up to `next` that E-assurance had not written; left out when there is none. */
  readonly arrivedAtMs?: number;
}

/** A topic stopped, because too many of its last records were bad; written with the last record that it settled. */
export interface FuseBlow {
  readonly topic: string;
  /** How many records were looked at, and how many of them were bad, by code. */
  readonly counted: number;
  readonly codes: Readonly<Record<string, number>>;
  /** The first few bad ones of the batch that blew it. */
  readonly samples: readonly { readonly partition: number; readonly offset: string; readonly code: string }[];
}

/** One state that the history holds of an entity: what a merge may take as its base (SYNC.md, Merge). */
export interface LineageEntry {
  readonly eventId: string;
  readonly revision: Revision;
  readonly digest: string;
  /** Made by the hub: an edit of ours or a merge. */
  readonly byHub: boolean;
  readonly author: string;
  readonly occurredAtMs: number;
  /** It became the entity's state (outcome applied); false for an incoming state that was merged. */
  readonly accepted: boolean;
  /** An edit by E-assurance's own people (source api), which a merge is not. */
  readonly edit: boolean;
  /** Its bytes are gone. */
  readonly pruned: boolean;
}

/** Two values of one atom, of which one stands in the state until staff settle it. Opens a conflict, or joins the open
 *  one of the same entity and atom, which then takes over what stands, why, and the worse severity. */
export interface ConflictRow {
  readonly kind: string;
  readonly entityId: string;
  readonly provider: string;
  readonly atom: string;
  /** The merge that found it. */
  readonly eventId: string;
  readonly base: Json;
  readonly ours: Json;
  readonly theirs: Json;
  readonly stands: 'ours' | 'theirs';
  /** Why, as a stable code, e.g. `OWNER_WINS`, `SEALED_FRONT`, `NO_COMMON_BASE`. */
  readonly code: string;
  readonly severity: 'critical' | 'normal';
  readonly oursAuthor: string;
  readonly theirsAuthor: string;
  readonly oursAtMs: number;
  readonly theirsAtMs: number;
}

/** An edit by E-assurance's staff on these atoms settles their open conflicts. */
export interface SettlementRow {
  readonly kind: string;
  readonly entityId: string;
  readonly atoms: readonly string[];
  /** The edit; null when the value that stands was confirmed, which takes none. */
  readonly eventId: string | null;
  readonly by: string;
  /** The revision that its author had read. A conflict with values that came later stays open: nobody settles what they
   *  have not seen. */
  readonly seen: Revision;
  /** Why, in its author's words. */
  readonly reason: string | null;
  /** This one alone, and it must be open and seen. */
  readonly conflictId?: string;
}

/** Something that on-call should look at, kept with the entity until it is cleared. */
export interface FlagRow {
  readonly kind: string;
  readonly entityId: string;
  readonly provider: string;
  readonly code: 'REVISION_REUSED';
  readonly eventId: string;
}

/** An entity that must still have the revision that was read, though its row is not written. */
export interface UnmovedEntity {
  readonly kind: EntityKind;
  readonly id: string;
  readonly revision: Revision;
}

export interface IdempotencyRow {
  readonly key: string;
  readonly apiKeyId: string;
  /** SHA-256 (hex) of method, path and body. */
  readonly requestDigest: string;
  readonly entityId: string;
  readonly eventId: string;
}

/** Everything one transaction writes; each list is one statement, whatever its length. */
export interface WritePlan {
  readonly events: readonly EventRow[];
  readonly entities: readonly EntityWrite[];
  /** None when left out. Each stays locked until the commit; one that has moved throws MovedError `entity`. */
  readonly unmoved?: readonly UnmovedEntity[];
  readonly outbox: readonly {
    readonly eventId: string;
    readonly shard: string;
    readonly traceparent: string | null;
  }[];
  readonly deliveries: readonly DeliveryRow[];
  readonly quarantined: readonly QuarantineRow[];
  readonly conflicts: readonly ConflictRow[];
  readonly settlements: readonly SettlementRow[];
  readonly flags: readonly FlagRow[];
  /** None when left out; nothing is written when the topic stands still already. */
  readonly blow?: FuseBlow;
  /** One of each partition at most. */
  readonly positions: readonly PositionAdvance[];
  /** A key that is taken already throws MovedError `event`. */
  readonly idempotency: readonly IdempotencyRow[];
  /** Rows of quarantine that stand for these very records (topic, key, value) are settled with their outcome. */
  readonly settledRecords?: readonly SettledRecord[];
  /** Each row must still be unsettled, else MovedError `quarantine`. */
  readonly quarantineSteps?: readonly QuarantineStep[];
  /** Marks the proposal approved; MovedError `quarantine` when it no longer waits. */
  readonly approvedEdit?: { readonly id: string; readonly by: string; readonly eventId: string };
  readonly audit?: readonly AuditEntry[];
}

export interface StoreTransaction {
  readEntities(kind: EntityKind, ids: readonly string[]): Promise<ReadonlyMap<string, StoredEntity>>;
  /** Settled events among `eventIds` (a quarantined one is not settled). */
  readEvents(
    eventIds: readonly string[],
  ): Promise<
    ReadonlyMap<string, { readonly digest: string; readonly origin: string; readonly entityId: string }>
  >;
  /** What the history holds at exactly these (entity, revision) pairs, in any order; nothing for a pair it doesn't hold. */
  readHistory(
    kind: EntityKind,
    pairs: readonly { readonly entityId: string; readonly revision: Revision }[],
  ): Promise<readonly { readonly entityId: string; readonly revision: Revision; readonly digest: string }[]>;
  /** Every state that the history holds of these entities (outcomes applied and merged; not what was sent again), in the
   *  order of writing; an empty list where it holds none. */
  readLineage(
    kind: EntityKind,
    entityIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly LineageEntry[]>>;
  /** Bytes of these events, by event id; a pruned one is absent. */
  readStates(
    eventIds: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly bytes: Buffer; readonly schemaRef: number }>>;
  /** Bytes of one event. */
  readBytes(eventId: string): Promise<{ readonly bytes: Buffer; readonly schemaRef: number } | null>;
  /** Those of these keys that a request was carried out under. */
  readIdempotency(
    keys: readonly Pick<IdempotencyRow, 'apiKeyId' | 'key'>[],
  ): Promise<readonly IdempotencyRow[]>;
  /** Whether each of these records is new to quarantine, in their order; one that equals an earlier one of them is not. */
  areNewToQuarantine(
    records: readonly Pick<QuarantineRow, 'topic' | 'key' | 'value'>[],
  ): Promise<readonly boolean[]>;
  /** Writes the plan: entity rows in the order of their ids, entities before outbox, settlements before conflicts. Throws
   *  MovedError when a revision, an event id, a conflict or the position is no longer what was read; the transaction is
   *  then rolled back. */
  write(plan: WritePlan): Promise<void>;
}

export interface Store {
  /** One READ COMMITTED transaction: committed when `work` resolves, rolled back when it rejects. A row that another
   *  transaction holds longer than `lockWaitMs` throws TransientError `DATABASE_TIMEOUT`; left out, the pool's limit holds. */
  transaction<T>(
    work: (tx: StoreTransaction) => Promise<T>,
    options?: { readonly lockWaitMs?: number },
  ): Promise<T>;
  readPosition(
    topic: string,
    partition: number,
  ): Promise<{ readonly next: bigint; readonly topicId: string } | null>;
  /** Those of all partitions of these topics that have one. */
  readPositions(
    topics: readonly string[],
  ): Promise<readonly (PartitionPosition & { readonly topicId: string })[]>;
}

/** One time that a topic stood still. */
export interface TopicPause extends FuseBlow {
  readonly id: string;
  readonly sinceMs: number;
  /** The person who paused it, and why; null when its fuse blew. */
  readonly by: string | null;
  readonly reason: string | null;
  /** Null while it stands still. */
  readonly resumedAtMs: number | null;
}

/** A partition goes on at `to` instead of where it stands: a person decided to leave out what lies between. */
export interface PositionSkip {
  readonly partition: number;
  readonly topicId: string;
  /** The stored position, null when there is none yet; `from` is what it amounts to. */
  readonly expected: bigint | null;
  readonly from: bigint;
  readonly to: bigint;
}

/** Which topics stand still, for every replica and for people. Each change is audited in its transaction. */
export interface TopicFuseTable {
  /** The latest pause of every topic that ever stood still. */
  latest(): Promise<readonly TopicPause[]>;
  /** False when it stands still already. */
  pause(topic: string, by: string, reason: string): Promise<boolean>;
  /** Lets the topic go on, at these positions. False when it doesn't stand still. Throws MovedError `position` when a
   *  position is no longer what was read: nothing is then changed. */
  resume(topic: string, by: string, skips: readonly PositionSkip[]): Promise<boolean>;
}

export interface OutboxItem {
  readonly sequence: bigint;
  readonly eventId: string;
  readonly eventType: string;
  readonly provider: string;
  readonly origin: string;
  readonly entityId: string;
  readonly topic: string;
  readonly occurredAtMs: number;
  readonly traceparent: string | null;
  readonly bytes: Buffer;
}

/** What the outbox holds of one shard. */
export interface OutboxBacklog {
  readonly shard: string;
  readonly waiting: number;
  /** Refused by Kafka for good. */
  readonly parked: number;
  /** How long the oldest of the waiting has waited; null when none waits. */
  readonly oldestMs: number | null;
}

/** Bytes that the bridge's database takes up on its disk. */
export type DatabaseSize = () => Promise<number>;

export interface Outbox {
  /** The oldest waiting rows of the shard, in sequence; parked rows are left out. At most `limit`, none behind the one with
   *  which their events come to `maxBytes`, and none of `except`. */
  read(
    shard: string,
    limit: number,
    more?: { readonly maxBytes?: number; readonly except?: readonly bigint[] },
  ): Promise<readonly OutboxItem[]>;
  /** Deletes the rows and notes the acknowledgements in `delivery`, in one transaction. */
  acknowledge(acknowledged: readonly (DeliveryRow & { readonly sequence: bigint })[]): Promise<void>;
  /** Sets a refused row aside with its reason; it stays visible and holds up nothing. */
  park(sequence: bigint, code: string, cause: string): Promise<void>;
  /** Whether an event of the entity waits here, or is parked: its provider can't have it yet. */
  holds(entityId: string): Promise<boolean>;
  /** Every shard that has rows. */
  measure(): Promise<readonly OutboxBacklog[]>;
  /** Tells every listening relay that these shards have work. Coalesced, outside the edit's transaction. */
  notify(shards: readonly string[]): Promise<void>;
  /** Opens a connection of its own that hears notifications and holds shard locks. */
  openSession(onWake: (shard: string) => void): Promise<OutboxSession>;
}

export interface OutboxSession {
  /** Takes the session lock of the shard unless another process holds it. */
  tryLock(shard: string): Promise<boolean>;
  /** Resolves when the connection is lost (all locks are then gone) or closed. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

// ── After a database restore ────────────────────────────────────────────────────────────────────────────────────────

/** A record in quarantine that a restored database may have put there: it lacked an edit of ours. */
export interface SuspendedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly kind: string;
  readonly entityId: string;
}

export interface RecoveryTable {
  /** Unsettled records with the codes ORIGIN_UNKNOWN and REVISION_FROM_FUTURE. */
  listSuspended(): Promise<readonly SuspendedRecord[]>;
  /** Settles those whose event is in the ledger by now, with the outcome that it has there; tells how many. Appends `detail`
   *  to the audit in the same transaction. */
  settleSuspended(detail: JsonObject): Promise<number>;
}

// ── Reading for people ──────────────────────────────────────────────────────────────────────────────────────────────

export interface EntityView extends StoredEntity {
  readonly kind: string;
  readonly violations: readonly Violation[];
  readonly openConflicts: number;
  /** Codes of its flags that are raised; `QUARANTINED_EVENT` while an event of it is in quarantine that no later one has
   *  overtaken. */
  readonly flags: readonly string[];
  readonly bytes: Buffer;
  readonly schemaRef: number;
}

export interface HistoryView extends Omit<EventRow, 'bytes'> {
  readonly sequence: bigint;
  readonly recordedAtMs: number;
  /** Null once pruned or erased. */
  readonly bytes: Buffer | null;
  /** Acknowledgement by Kafka, for events of ours. */
  readonly published: { readonly partition: number; readonly offset: bigint; readonly atMs: number } | null;
}

export interface ListQuery {
  /** Provider ids that the caller may see; null for all. */
  readonly providers: readonly string[] | null;
  /** Filter name of the kind → value, already normalised. */
  readonly filters: Readonly<Record<string, string>>;
  readonly updatedSinceMs: number | null;
  /** The last row of the page before, from its opaque cursor. */
  readonly after: { readonly updatedAtMs: number; readonly id: string } | null;
  readonly limit: number;
}

export interface EntityReader {
  find(kind: EntityKind, id: string): Promise<EntityView | null>;
  /** Ordered by (updatedAt, id), oldest first. */
  list(kind: EntityKind, query: ListQuery): Promise<readonly EntityView[]>;
  /** Newest first; `before` is a sequence. */
  history(
    kind: EntityKind,
    id: string,
    before: bigint | null,
    limit: number,
  ): Promise<readonly HistoryView[]>;
  /** The event in the history with exactly this revision. */
  findRevision(
    kind: EntityKind,
    id: string,
    revision: Revision,
  ): Promise<{ readonly bytes: Buffer; readonly schemaRef: number } | null>;
}

/** `staff` reads and edits every provider's entities, `operator` runs the bridge, `provider` reads its own alone. */
export type Scope = 'staff' | 'operator' | 'provider';

export interface ApiKey {
  readonly id: string;
  /** The named person or system that appears as the author. */
  readonly owner: string;
  readonly scope: Scope;
  /** For scope `provider`: the one it sees. */
  readonly provider: string | null;
  readonly createdAtMs: number;
  readonly revokedAtMs: number | null;
  readonly lastUsedAtMs: number | null;
}

/** Keys are stored as SHA-256 of a random 256-bit secret; the secret is seen once, when created. */
export interface ApiKeyTable {
  create(key: {
    readonly owner: string;
    readonly scope: Scope;
    readonly provider: string | null;
    readonly secretHash: string;
    readonly by: string;
  }): Promise<ApiKey>;
  findBySecretHash(secretHash: string): Promise<ApiKey | null>;
  /** False when there is no such live key. */
  revoke(id: string, by: string): Promise<boolean>;
  list(): Promise<readonly ApiKey[]>;
}

export interface Conflict extends ConflictRow {
  readonly id: string;
  readonly status: 'open' | 'settled';
  /** Values that came later for the same atom, oldest first; `atMs` is their author's time. */
  readonly joined: readonly {
    readonly ours: Json;
    readonly theirs: Json;
    readonly theirsAuthor: string;
    readonly atMs: number;
  }[];
  readonly openedAtMs: number;
  readonly settledAtMs: number | null;
  readonly settledBy: string | null;
  /** The edit that settled it; null while open, and when the value that stood was confirmed. */
  readonly settlingEventId: string | null;
  readonly settledReason: string | null;
}

export interface ConflictQuery {
  readonly providers: readonly string[] | null;
  readonly status: 'open' | 'settled' | null;
  readonly severity: 'critical' | 'normal' | null;
  readonly kind: string | null;
  readonly entityId: string | null;
  /** Id of the last row of the page before. */
  readonly after: string | null;
  readonly limit: number;
}

export interface ConflictReader {
  find(id: string): Promise<Conflict | null>;
  /** Ordered by id, oldest first. */
  list(query: ConflictQuery): Promise<readonly Conflict[]>;
}

// ── Quarantine ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Each null: any. */
export interface QuarantineFilter {
  /** A quarantine code. */
  readonly cause: string | null;
  readonly topic: string | null;
  readonly provider: string | null;
}

/** Unsettled records with one cause on one topic. */
export interface QuarantineGroup {
  readonly code: string;
  readonly topic: string;
  readonly provider: string;
  readonly count: number;
  readonly oldestMs: number;
  /** The newest arrival or retry. */
  readonly newestMs: number;
  readonly attempts: number;
}

export interface QuarantineEntry extends Omit<QuarantineRow, 'key' | 'value' | 'headers'> {
  readonly id: string;
  readonly keyBytes: number | null;
  readonly valueBytes: number | null;
  /** Arrivals and retries so far. */
  readonly attempts: number;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly settled: {
    readonly atMs: number;
    readonly how: QuarantineEnd;
    /** Null when the record came again and settled by itself. */
    readonly by: string | null;
    readonly reason: string | null;
  } | null;
}

export interface QuarantinedRecord extends QuarantineEntry {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** A corrected state of a record in quarantine. The record itself stays as it came. */
export interface QuarantineEdit {
  readonly id: string;
  readonly quarantineId: string;
  readonly status: 'waiting' | 'approved' | 'rejected';
  readonly provider: string;
  readonly kind: string;
  readonly entityId: string;
  /** The revision on which it was made; null when the entity didn't exist here. */
  readonly base: Revision | null;
  readonly state: JsonObject;
  /** What it changes of the state that stood here when it was proposed. */
  readonly atoms: readonly string[];
  readonly reason: string;
  readonly proposedBy: string;
  readonly proposedAtMs: number;
  readonly decidedBy: string | null;
  readonly decidedAtMs: number | null;
  readonly decidedReason: string | null;
  /** The edit by E-assurance that the approval made. */
  readonly eventId: string | null;
}

/** Quarantine as people work with it. What changes something writes its audit rows in the same transaction. An id that
 *  nothing can have is the id of nothing. */
export interface QuarantineTable {
  /** Of what is unsettled, the oldest first. */
  groups(filter: QuarantineFilter): Promise<readonly QuarantineGroup[]>;
  /** In the order of ids, which is that of first arrival but for records of one batch. */
  list(
    filter: QuarantineFilter & {
      readonly settled: boolean | null;
      readonly after: string | null;
      readonly limit: number;
    },
  ): Promise<readonly QuarantineEntry[]>;
  /** In the order of their positions; those that exist. */
  read(ids: readonly string[]): Promise<readonly QuarantinedRecord[]>;
  /** Settles those of `ids` that are unsettled as discarded, rejects the edits that wait for them, and returns their ids. */
  discard(
    ids: readonly string[],
    by: string,
    reason: string,
    audit: (id: string) => AuditEntry,
  ): Promise<readonly string[]>;
  /** Null when the record was settled meanwhile, or another edit of it waits already. */
  propose(
    edit: Omit<
      QuarantineEdit,
      'id' | 'status' | 'proposedAtMs' | 'decidedBy' | 'decidedAtMs' | 'decidedReason' | 'eventId'
    >,
    audit: (id: string) => AuditEntry,
  ): Promise<QuarantineEdit | null>;
  /** False when it no longer waits. */
  reject(id: string, by: string, reason: string, audit: AuditEntry): Promise<boolean>;
  findEdit(id: string): Promise<QuarantineEdit | null>;
  /** Oldest first; each null: any. */
  edits(filter: {
    readonly quarantineId: string | null;
    readonly status: QuarantineEdit['status'] | null;
  }): Promise<readonly QuarantineEdit[]>;
  /** Notes something that changes nothing, such as an unmasking. */
  note(entry: AuditEntry): Promise<void>;
  /** Deletes up to `limit` records that were settled before then, with their edits, and tells how many. */
  expire(settledBeforeMs: number, limit: number): Promise<number>;
}

export interface PullCursorTable {
  read(providerId: string, collection: string): Promise<string | null>;
  /** `since` is returned exactly as it is written here. */
  write(providerId: string, collection: string, since: string): Promise<void>;
}

/** Where a walk through the states that the hub made has come to: everything up to here was asked about. */
export interface EditPosition {
  readonly updatedAtMs: number;
  readonly id: string;
}

export interface HubEditReader {
  /** Entities of the provider whose present state the hub made, and all others that were written before `allUntilMs`; of
   *  these the ones written after `after` and before `untilMs`, in the order of (updatedAt, id). */
  list(
    kind: EntityKind,
    query: {
      readonly provider: string;
      readonly after: EditPosition;
      readonly untilMs: number;
      readonly allUntilMs: number;
      readonly limit: number;
    },
  ): Promise<readonly EditPosition[]>;
}

// ── Explaining what happened ────────────────────────────────────────────────────────────────────────────────────────

/** An arrival or acknowledgement of an event that `event` holds. */
export interface DeliveryView extends DeliveryRow {
  readonly atMs: number;
}

export interface QuarantineView extends Omit<QuarantineRow, 'key' | 'value' | 'headers' | 'schemaId'> {
  readonly id: string;
  readonly attempts: number;
  readonly firstSeenMs: number;
  readonly settledAtMs: number | null;
  readonly settledHow: string | null;
}

export interface FlagView extends FlagRow {
  readonly raisedAtMs: number;
  readonly clearedAtMs: number | null;
}

/** An outbox row that Kafka refused for good. */
export interface ParkedView {
  readonly eventId: string;
  readonly atMs: number;
  readonly code: string;
  readonly cause: string;
}

/** The ledger, by whatever is known of an event. Every read goes by an index, however much is stored. */
export interface LedgerReader {
  /** The entities with this id; of several kinds only when providers chose one id twice. */
  findEntities(kinds: readonly EntityKind[], id: string): Promise<readonly ExplainedEntity[]>;
  /** Entities that one of their kind's text filters finds by this text: reference, policy number, plate, VIN. At most `limit`. */
  findByReference(
    kinds: readonly EntityKind[],
    text: string,
    limit: number,
  ): Promise<readonly ExplainedEntity[]>;
  findEvent(
    eventId: string,
  ): Promise<{ readonly kind: string; readonly entityId: string; readonly provider: string } | null>;
  /** The event that was read from this position, or that arrived or was acknowledged there; the newest of several (a topic
   *  that was made anew counts from 0 again). */
  findEventAt(position: RecordPosition): Promise<string | null>;
  /** Of one entity, of these kinds, newest first. */
  events(kinds: readonly string[], entityId: string, limit: number): Promise<readonly HistoryView[]>;
  /** Oldest first. */
  deliveries(eventIds: readonly string[]): Promise<readonly DeliveryView[]>;
  parked(eventIds: readonly string[]): Promise<readonly ParkedView[]>;
  flags(kind: string, entityId: string): Promise<readonly FlagView[]>;
  /** Quarantined records that claim to be of this entity, or have this event id, or stood at this position. Newest first. */
  quarantined(
    by: { readonly entityId: string } | { readonly eventId: string } | { readonly position: RecordPosition },
    limit: number,
  ): Promise<readonly QuarantineView[]>;
  /** The offset that is applied next; null when nothing of the partition was. */
  appliedTo(topic: string, partition: number): Promise<bigint | null>;
}

export interface CommittedOffset {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** The next offset that the group will read. */
  readonly offset: bigint;
}

export interface GroupOffsets {
  /** What the consumer groups whose names begin with `prefix` have committed on these partitions; a group that has
   *  committed nothing there is left out. Throws TransientError when the cluster can't answer. */
  committed(
    prefix: string,
    partitions: readonly { readonly topic: string; readonly partition: number }[],
  ): Promise<readonly CommittedOffset[]>;
}

// ── Pruning ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface EntityHistory {
  readonly entityId: string;
  /** The event whose bytes are the entity's present state. */
  readonly presentEventId: string;
  /** Those whose bytes are still there, in the order of writing. */
  readonly events: readonly HeldEvent[];
}

/** Empties bytes of the history. Rows stay: what they say of an event is never removed. */
export interface HistoryPruner {
  /** The histories of the next `limit` entities after the id `after`, in the order of ids; erased ones come without events. */
  readHistories(kind: EntityKind, after: string | null, limit: number): Promise<readonly EntityHistory[]>;
  /** Empties the bytes of these events, except of one that an entity row of the kind points at or that waits in the
   *  outbox by now, or that somebody else is emptying; tells how many were emptied. */
  emptyBytes(kind: EntityKind, eventIds: readonly string[]): Promise<number>;
}

// ── Writer ids ──────────────────────────────────────────────────────────────────────────────────────────────────────

export interface WriterIdTable {
  /** Every provider with all writer ids ever allotted to it; the last is in use. */
  list(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Allots `writerId` on top of `after`, with an audit row; false when the ids are no longer `after`. */
  allot(providerId: string, writerId: string, after: readonly string[], by: string): Promise<boolean>;
}

// ── A provider's GET API ────────────────────────────────────────────────────────────────────────────────────────────

/** What a GET API returns for one entity: its state and revision, field names as in Avro. */
export interface ApiRecord {
  readonly state: JsonObject;
  readonly revision: Revision;
}

export type FetchOne =
  | { readonly status: 'found'; readonly record: ApiRecord; readonly etag: string | null }
  | { readonly status: 'unchanged' }
  | { readonly status: 'missing' };

export interface ProviderApi {
  readonly providerId: string;
  /** Throws TransientError `PROVIDER_UNAVAILABLE`, `PROVIDER_THROTTLED`, `CIRCUIT_OPEN`; PermanentError
   *  `PROVIDER_UNAUTHORISED`, `PROVIDER_GARBAGE` (naming what was wrong). */
  fetchOne(kind: EntityKind, id: string, etag: string | null, signal?: AbortSignal): Promise<FetchOne>;
  /** One page, ordered by (updatedAt, id). `cursor` wins over `since`. */
  fetchPage(
    kind: EntityKind,
    page: { readonly since: string | null; readonly cursor: string | null; readonly limit: number },
    signal?: AbortSignal,
  ): Promise<{
    readonly records: readonly ApiRecord[];
    /** A sentence for each record of the page that can't be read; it keeps none of the others back. */
    readonly unreadable: readonly string[];
    readonly nextCursor: string | null;
    readonly asOf: string;
  }>;
  /** The breaker, with the last failure's code. */
  status(): {
    readonly circuit: 'closed' | 'open' | 'half-open';
    readonly lastError: string | null;
    readonly lastSuccessMs: number | null;
  };
}

// ── Telemetry and health ────────────────────────────────────────────────────────────────────────────────────────────

export interface Metrics {
  settled(provider: string, topic: string, outcome: Outcome, count: number): void;
  quarantined(provider: string, topic: string, code: string): void;
  batch(provider: string, topic: string, events: number, seconds: number): void;
  published(provider: string, topic: string, count: number): void;
  parked(provider: string, code: string): void;
  /** Records that were deleted by retention before they were read. */
  lostToRetention(topic: string, records: number): void;
  /** A partition stopped on a failure that nothing explains. */
  halted(topic: string): void;
  /** Whether the topic stands still: its fuse blew, or somebody paused it. */
  fuseBlown(topic: string, blown: boolean): void;
  /** From the edit to its acknowledgement by Kafka (`out`) or to its commit here (`in`), seconds. */
  endToEnd(provider: string, direction: 'in' | 'out', seconds: number): void;
  pulled(provider: string, collection: string, outcome: Outcome | 'failed', count: number): void;
  /** A provider used a counter of its revisions for two contents: its backup was restored without a new writer id. */
  revisionReused(provider: string): void;
  outbox(backlog: OutboxBacklog): void;
  databaseSize(bytes: number): void;
  /** A heartbeat came back through the consumer, so many seconds after it was sent. */
  heartbeat(provider: string, seconds: number): void;
  http(method: string, route: string, status: number, seconds: number): void;
  /** What was seen last replaces what was seen before; `tookSeconds`: to see it. */
  lag(report: LagReport, tookSeconds: number): void;
}

/** How traces leave the process (config/trace-settings.ts reads OpenTelemetry's standard variables). */
export interface TraceExport {
  readonly exporter: 'otlp' | 'console';
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly sampler: `${'' | 'parentbased_'}${'always_on' | 'always_off' | 'traceidratio'}`;
  /** From 0 to 1; for the samplers by ratio. */
  readonly sampledShare: number;
  readonly scheduleDelayMs: number;
  readonly exportTimeoutMs: number;
  readonly maxQueueSize: number;
  readonly maxBatchSize: number;
}

/** By OpenTelemetry's semantic conventions, and `bridge.*` for what they lack. Names, ids, counts and codes: never the
 *  value of a field, a person, a query or a payload. */
export type SpanAttributes = Readonly<Record<string, string | number | undefined>>;

export interface SpanStart {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'producer' | 'consumer' | 'internal';
  /** The W3C `traceparent` that it continues, whoever wrote it; absent or malformed, it begins a trace. */
  readonly parent?: string | null | undefined;
  /** The `traceparent` of everything else that it works on; malformed ones are left out. */
  readonly links?: readonly (string | null | undefined)[];
  /** Now, when left out. */
  readonly startMs?: number;
  readonly attributes: SpanAttributes;
}

export interface Span {
  /** What the next step continues: this span; while no traces leave, the parent, just as it was given. */
  readonly traceparent: string | null;
  note(attributes: SpanAttributes, name?: string): void;
  /** Of a failure only its code, or else its type, is told; a text is taken for a code. */
  end(failure?: unknown): void;
}

/** Spans of what the bridge does. Nothing here ever throws or waits, whatever becomes of the export. */
export interface Tracing {
  startSpan(start: SpanStart): Span;
  /** A span around `work`, which ends with it and fails with it. */
  inSpan<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
}

export interface HealthStatus {
  readonly name: string;
  /** `degraded` is shown and does not make the bridge unready. */
  readonly status: 'up' | 'degraded' | 'down';
  /** A sentence; never a secret or personal data. */
  readonly detail: string;
}
export type HealthCheck = () => Promise<HealthStatus>;

// ── Lag ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** `topic/partition` */
export type Place = `${string}/${number}`;

export interface LogRange {
  /** The oldest offset still kept, and the first that doesn't exist yet. */
  readonly start: bigint;
  readonly end: bigint;
}

export interface TopicRanges {
  readonly topicId: string;
  /** By partition; null where nobody leads, or the leader does not answer. */
  readonly partitions: ReadonlyMap<number, LogRange | null>;
}

export interface OldestRecord {
  /** Null: from there to the end stand only markers, gaps and aborted records. */
  readonly record: { readonly offset: bigint; readonly atMs: number } | null;
  /** It stands behind a transaction that is still open: no consumer can read it yet. */
  readonly openTransaction: boolean;
}

export interface CommittedOffsets {
  readonly group: string;
  readonly offsets: ReadonlyMap<Place, bigint>;
}

/** What Kafka knows of logs and groups. */
export interface LogReader {
  /** Those topics that exist. One topic or partition that can't be read hides none of the others. Throws TransientError
   *  when no broker answers. */
  ranges(topics: readonly string[]): Promise<ReadonlyMap<string, TopicRanges>>;
  /** The first record of data at or behind `from` in each; absent where it could not be read this time. */
  oldest(
    places: readonly {
      readonly topic: string;
      readonly topicId: string;
      readonly partition: number;
      readonly from: bigint;
      readonly end: bigint;
    }[],
  ): Promise<ReadonlyMap<Place, OldestRecord>>;
  /** Every group that this user may see, and whether it has members (a rebalance counts as having them). Null when not
   *  every broker answered, so that a group may be missing. */
  groups(): Promise<ReadonlyMap<string, boolean> | null>;
  /** Whether this user may see groups of this name. */
  mayDescribeGroup(group: string): Promise<boolean>;
  committed(groups: readonly string[]): Promise<readonly CommittedOffsets[]>;
}

export interface LedgerSample {
  readonly positions: ReadonlyMap<Place, AppliedPosition>;
  readonly outbox: readonly {
    readonly shard: string;
    readonly waiting: number;
    readonly parked: number;
    /** Of those that wait. */
    readonly oldest: { readonly sequence: bigint; readonly atMs: number } | null;
  }[];
  readonly quarantine: readonly (QuarantineGrowth & {
    readonly provider: string;
    readonly topic: string;
    readonly partition: number | null;
    readonly code: string;
    /** Of those not settled. */
    readonly oldestMs: number | null;
  })[];
  /** Topics that stand still: their fuse blew, or a person paused them. */
  readonly pauses: ReadonlyMap<string, { readonly byPerson: boolean; readonly sinceMs: number }>;
  readonly conflicts: readonly {
    readonly provider: string;
    readonly severity: string;
    readonly open: number;
    readonly oldestMs: number;
  }[];
  readonly cursors: readonly {
    readonly provider: string;
    readonly collection: string;
    readonly movedAtMs: number;
  }[];
  /** Constats that staff should look at. */
  readonly constats: readonly {
    readonly provider: string;
    /** Drafts in the last three days in which their accident can be declared. */
    readonly undeclared: number;
    /** Open ones that tell of injuries and of no police report. */
    readonly withoutReport: number;
  }[];
  /** By topic, when the newest record came that E-assurance had not written. */
  readonly arrivals: ReadonlyMap<string, number>;
  readonly rhythms: ReadonlyMap<string, Rhythm>;
}

/** What PostgreSQL knows. */
export interface LagLedger {
  read(): Promise<LedgerSample>;
  /** Our records that stand in each place at or behind `from`: when Kafka acknowledged the oldest, and how many there are,
   *  counted up to `UNREAD_COUNTED`. */
  unread(
    places: readonly { readonly topic: string; readonly partition: number; readonly from: bigint }[],
  ): Promise<ReadonlyMap<Place, { readonly count: number; readonly oldestAtMs: number }>>;
  /** Keeps the rhythm unless a later one is kept. */
  keepRhythm(provider: string, rhythm: Rhythm): Promise<void>;
}

/** Where counting of unread records stops. */
export const UNREAD_COUNTED = 1_000;

/** What the consumers of this process know of their partitions and no database shows. Written by consume/. */
export interface ConsumerNotes {
  /** Why the partition does not go on; null when it does. The first time of an obstacle that stays is kept. */
  obstacle(topic: string, partition: number, obstacle: Omit<Obstacle, 'sinceMs'> | null): void;
  incident(topic: string, partition: number, incident: Omit<Incident, 'atMs'>): void;
  /** An event of the provider's own: when it occurred by its clock, and when the broker appended it. */
  occurred(provider: string, occurredAtMs: number, appendedAtMs: number): void;
}
