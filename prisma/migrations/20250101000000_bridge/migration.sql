-- One event, one row. `event` is the ledger ("what became of this event?") and the history ("what did this entity look
-- like?") in one; an entity row holds what the entity is searched by and points at the event whose bytes are its state.
-- Hot tables carry no foreign keys: a key costs a lookup per row, and one transaction writes both ends anyway.

create type outcome as enum ('applied', 'merged', 'stale', 'duplicate', 'echo', 'quarantined', 'published');
create type conflict_status as enum ('open', 'settled');

create table route (
  id smallint generated always as identity primary key,
  provider text not null,
  kind text not null,
  event_type text not null,
  origin text not null,
  source text not null,
  topic text not null,
  unique (provider, kind, event_type, origin, source, topic)
);
comment on table route is 'The ways that events take, a few dozen: kept once here, so that a row of event stays narrow.';
comment on column route.origin is 'Whose edit: eassurance or the provider.';
comment on column route.source is 'How it came: topic, pull, api, merge, share or republish.';
comment on column route.topic is 'The topic it came from or goes to.';

create table "schema" (
  id integer generated always as identity primary key,
  fingerprint bytea not null unique,
  definition text not null
);
comment on table "schema" is 'Every writer''s Avro schema, so that the bytes in event can be read without a registry.';
comment on column "schema".fingerprint is 'SHA-256 of the definition.';

create table event (
  sequence bigint generated always as identity primary key,
  occurred_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default now(),
  kafka_offset bigint,
  kafka_partition integer,
  schema_id integer not null,
  outcome outcome not null check (outcome not in ('quarantined', 'published')),
  route_id smallint not null,
  event_id uuid not null unique,
  entity_id uuid not null,
  digest bytea not null,
  author text not null,
  revision jsonb not null,
  bytes bytea
) with (toast_tuple_target = 8160);
-- A state of a few kilobytes stays in its row, uncompressed: Avro hardly shrinks, and every write would pay for trying.
alter table event alter column bytes set storage external;
create index event_entity_id_sequence_idx on event (entity_id, sequence);
comment on table event is 'Append-only: every settled event, as it travelled. Rows stay; only bytes may be emptied (pruning, erasure). Easier to read as event_log.';
comment on column event.sequence is 'In the order of writing; of one entity also in the order of its revisions here.';
comment on column event.occurred_at is 'By the author''s clock; decides nothing.';
comment on column event.digest is 'SHA-256 of the canonical state.';
comment on column event.revision is 'Version vector: writer to number of edits.';
comment on column event.bytes is 'The Avro value with its framing; null once pruned or erased.';

create view event_log as
  select e.sequence, e.recorded_at, r.provider, r.kind, e.entity_id, e.event_id, r.event_type, r.origin, r.source, e.outcome,
         e.revision, e.author, e.occurred_at, r.topic, e.kafka_partition, e.kafka_offset, encode(e.digest, 'hex') as digest,
         e.schema_id, length(e.bytes) as size
    from event e join route r on r.id = e.route_id;
comment on view event_log is 'event for people: with its route spelled out and without the bytes.';

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'integrity_constraint_violation';
end $$;

create trigger event_keeps_rows before delete or truncate on event
  for each statement execute function refuse_change();
create trigger event_keeps_facts before update on event
  for each row when (
    new.bytes is not null
    or (new.sequence, new.occurred_at, new.recorded_at, new.kafka_offset, new.kafka_partition, new.schema_id, new.outcome,
        new.route_id, new.event_id, new.entity_id, new.digest, new.author, new.revision)
       is distinct from
       (old.sequence, old.occurred_at, old.recorded_at, old.kafka_offset, old.kafka_partition, old.schema_id, old.outcome,
        old.route_id, old.event_id, old.entity_id, old.digest, old.author, old.revision)
  ) execute function refuse_change();

-- One table per kind. The columns up to `violations` are the same in all; those after it are the kind's own (its `columns`
-- in src/domain). Every update moves `updated_at`, by which lists are paged, so no update could be heap-only and a lower
-- fillfactor would buy nothing.

create table "constat" (
  id uuid primary key,
  event_id uuid not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  erased_at timestamptz(3),
  digest bytea not null,
  seal bytea,
  provider text not null,
  created_by text not null,
  status text,
  revision jsonb not null,
  replaced_revision jsonb,
  violations jsonb,
  reference text,
  plate_a text,
  plate_b text,
  vin_a text,
  vin_b text,
  policy_a text,
  policy_b text,
  accident_date date
);
create index constat_updated_at_id_idx on "constat" (updated_at, id);
create index constat_reference_idx on "constat" (reference) where reference is not null;
create index constat_plate_a_idx on "constat" (plate_a) where plate_a is not null;
create index constat_plate_b_idx on "constat" (plate_b) where plate_b is not null;
create index constat_vin_a_idx on "constat" (vin_a) where vin_a is not null;
create index constat_vin_b_idx on "constat" (vin_b) where vin_b is not null;
create index constat_policy_a_idx on "constat" (policy_a) where policy_a is not null;
create index constat_policy_b_idx on "constat" (policy_b) where policy_b is not null;

create table "vehicle" (
  id uuid primary key,
  event_id uuid not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  erased_at timestamptz(3),
  digest bytea not null,
  seal bytea,
  provider text not null,
  created_by text not null,
  status text,
  revision jsonb not null,
  replaced_revision jsonb,
  violations jsonb,
  plate text,
  vin text,
  policy text,
  result text,
  verified_at timestamptz(3)
);
create index vehicle_updated_at_id_idx on "vehicle" (updated_at, id);
create index vehicle_plate_idx on "vehicle" (plate) where plate is not null;
create index vehicle_vin_idx on "vehicle" (vin) where vin is not null;
create index vehicle_policy_idx on "vehicle" (policy) where policy is not null;

create table "policy" (
  id uuid primary key,
  event_id uuid not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  erased_at timestamptz(3),
  digest bytea not null,
  seal bytea,
  provider text not null,
  created_by text not null,
  status text,
  revision jsonb not null,
  replaced_revision jsonb,
  violations jsonb,
  policy_number text,
  plate text,
  vin text,
  valid_from date,
  valid_to date
);
create index policy_updated_at_id_idx on "policy" (updated_at, id);
create index policy_policy_number_idx on "policy" (policy_number) where policy_number is not null;
create index policy_plate_idx on "policy" (plate) where plate is not null;
create index policy_vin_idx on "policy" (vin) where vin is not null;

create table "claim" (
  id uuid primary key,
  event_id uuid not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  erased_at timestamptz(3),
  digest bytea not null,
  seal bytea,
  provider text not null,
  created_by text not null,
  status text,
  revision jsonb not null,
  replaced_revision jsonb,
  violations jsonb,
  claim_number text,
  constat_id text,
  policy text
);
create index claim_updated_at_id_idx on "claim" (updated_at, id);
create index claim_claim_number_idx on "claim" (claim_number) where claim_number is not null;
create index claim_constat_id_idx on "claim" (constat_id) where constat_id is not null;
create index claim_policy_idx on "claim" (policy) where policy is not null;

do $$
declare kind text;
begin
  foreach kind in array array['constat', 'vehicle', 'policy', 'claim'] loop
    execute format('comment on column %I.event_id is %L', kind, 'The event that made this row: its bytes are the state.');
    execute format('comment on column %I.replaced_revision is %L', kind,
      'The revision that this row replaced, null for a first one: what the compare-and-set compares.');
    execute format('comment on column %I.seal is %L', kind, 'SHA-256 of the sealed front; null while unsealed.');
    execute format('comment on column %I.violations is %L', kind, 'Rules of the form that the state breaks; null for none.');
  end loop;
end $$;

create table outbox (
  sequence bigint generated always as identity primary key,
  event_id uuid not null,
  shard text not null,
  traceparent text,
  parked_at timestamptz(3),
  parked_code text,
  parked_cause text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
create index outbox_shard_sequence_idx on outbox (shard, sequence) where parked_at is null;
comment on table outbox is 'What waits to be sent, oldest first; deleted once Kafka has acknowledged it. A parked row was refused for good.';

create table delivery (
  id bigint generated always as identity primary key,
  at timestamptz(3) not null default now(),
  kafka_offset bigint not null,
  kafka_partition integer not null,
  outcome outcome not null,
  event_id uuid not null,
  topic text not null
);
create index delivery_event_id_idx on delivery (event_id);
comment on table delivery is 'Later arrivals of events we know, and Kafka''s acknowledgements (published) of ours.';

create table quarantine (
  id bigint generated always as identity primary key,
  fingerprint bytea not null unique,
  provider text not null,
  topic text not null,
  kafka_partition integer,
  kafka_offset bigint,
  key bytea,
  value bytea,
  headers jsonb not null,
  schema_id bigint,
  code text not null,
  cause text not null,
  event_id text,
  kind text,
  entity_id text,
  attempts integer not null default 1,
  first_seen timestamptz(3) not null default now(),
  last_seen timestamptz(3) not null default now(),
  settled_at timestamptz(3),
  settled_how text
);
create index quarantine_code_id_idx on quarantine (code, id) where settled_at is null;
create index quarantine_event_id_idx on quarantine (event_id) where event_id is not null;
comment on table quarantine is 'Records that could not be read or attributed, as they came. One row per distinct record, however often it arrives.';
comment on column quarantine.fingerprint is 'SHA-256 of topic, key and value.';
comment on column quarantine.event_id is 'What the record claims, unverified; so are kind and entity_id.';

create table applied_offset (
  topic text not null,
  partition integer not null,
  topic_id text not null,
  next_offset bigint not null,
  updated_at timestamptz(3) not null default now(),
  primary key (topic, partition)
) with (fillfactor = 50);
comment on table applied_offset is 'How far each partition is applied: moved in the same transaction as what was read from it.';
comment on column applied_offset.topic_id is 'Identity of the topic: one that was deleted and made again has another, and starts at 0.';

create table conflict (
  id bigint generated always as identity primary key,
  opened_at timestamptz(3) not null default now(),
  settled_at timestamptz(3),
  ours_at timestamptz(3) not null,
  theirs_at timestamptz(3) not null,
  event_id uuid not null,
  newest_event_id uuid not null,
  settling_event_id uuid,
  entity_id uuid not null,
  status conflict_status not null default 'open',
  kind text not null,
  provider text not null,
  atom text not null,
  code text not null,
  severity text not null check (severity in ('critical', 'normal')),
  stands text not null check (stands in ('ours', 'theirs')),
  ours_author text not null,
  theirs_author text not null,
  settled_by text,
  settled_reason text,
  base jsonb not null,
  ours jsonb not null,
  theirs jsonb not null,
  joined jsonb not null default '[]',
  check ((status = 'settled') = (settled_at is not null and settled_by is not null))
);
create unique index conflict_open_key on conflict (kind, entity_id, atom) where status = 'open';
create index conflict_provider_id_idx on conflict (provider, id);
create index conflict_entity_id_idx on conflict (entity_id);
comment on table conflict is 'Two values of one atom, of which one stands in the state until people settle it. One open row per entity and atom.';
comment on column conflict.event_id is 'The merge that opened it.';
comment on column conflict.newest_event_id is 'The merge that brought the newest values: who settles it must have seen its revision.';
comment on column conflict.settling_event_id is 'The edit that settled it; null when the value that stood was confirmed, which takes no edit.';
comment on column conflict.code is 'Why that side stands, as of the newest values; so are stands and, at its worst, severity.';
comment on column conflict.joined is 'Values of the same atom that clashed later, oldest first: [{ours, theirs, theirsAuthor, atMs}].';

create table entity_flag (
  id bigint generated always as identity primary key,
  raised_at timestamptz(3) not null default now(),
  cleared_at timestamptz(3),
  event_id uuid not null,
  entity_id uuid not null,
  kind text not null,
  provider text not null,
  code text not null
);
create unique index entity_flag_open_key on entity_flag (kind, entity_id, code) where cleared_at is null;
comment on table entity_flag is 'What on-call should look at about an entity. One open row per entity and code; cleared rows stay.';
comment on column entity_flag.event_id is 'The event that raised it first.';

create table provider (
  id text primary key,
  name text not null,
  writer_ids text[] not null,
  recorded_at timestamptz(3) not null default now()
);
comment on table provider is 'The insurers, as topics.yaml had them when the bridge last started.';

create table api_key (
  id uuid primary key,
  owner text not null,
  scope text not null check (scope in ('staff', 'operator', 'provider')),
  provider text,
  secret_hash text not null unique,
  created_at timestamptz(3) not null default now(),
  created_by text not null,
  revoked_at timestamptz(3),
  revoked_by text,
  last_used_at timestamptz(3),
  check ((scope = 'provider') = (provider is not null))
);
comment on table api_key is 'Who may call the API. The secret itself is nowhere: only its SHA-256.';

create table idempotency (
  api_key_id uuid not null,
  key text not null,
  request_digest text not null,
  entity_id uuid not null,
  event_id uuid not null,
  created_at timestamptz(3) not null default now(),
  primary key (api_key_id, key)
);
comment on table idempotency is 'Requests that were carried out under an Idempotency-Key, with what they made.';

create table pull_cursor (
  provider text not null,
  collection text not null,
  since text not null,
  updated_at timestamptz(3) not null default now(),
  primary key (provider, collection)
);
comment on table pull_cursor is 'How far each collection of a provider''s GET API has been walked; since is RFC 3339, as that API gave it.';

create table audit (
  id bigint generated always as identity primary key,
  at timestamptz(3) not null default now(),
  actor text not null,
  action text not null,
  subject text not null,
  detail jsonb
);
create index audit_subject_id_idx on audit (subject, id);
comment on table audit is 'Append-only: who did what to which subject, and why.';
create trigger audit_keeps_rows before update or delete or truncate on audit
  for each statement execute function refuse_change();
