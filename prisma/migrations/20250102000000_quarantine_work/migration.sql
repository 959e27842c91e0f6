-- What people do with the records in quarantine: retry, edit with a second person's consent, discard.

alter table quarantine add column settled_by text, add column settled_reason text;
comment on column quarantine.settled_how is 'The outcome that the record came to (applied, stale …), or what people decided: edited, discarded.';
comment on column quarantine.settled_by is 'Who retried, approved or discarded it; null when the record came again and settled by itself.';
create index quarantine_topic_idx on quarantine (topic) where settled_at is null;
create index quarantine_settled_at_idx on quarantine (settled_at) where settled_at is not null;

create trigger quarantine_keeps_record before update on quarantine
  for each row when (
    (new.id, new.fingerprint, new.topic, new.kafka_partition, new.kafka_offset, new.key, new.value, new.headers, new.first_seen)
    is distinct from
    (old.id, old.fingerprint, old.topic, old.kafka_partition, old.kafka_offset, old.key, old.value, old.headers, old.first_seen)
  ) execute function refuse_change();
create trigger quarantine_keeps_unsettled before delete on quarantine
  for each row when (old.settled_at is null) execute function refuse_change();

create table quarantine_edit (
  id bigint generated always as identity primary key,
  quarantine_id bigint not null,
  status text not null default 'waiting' check (status in ('waiting', 'approved', 'rejected')),
  provider text not null,
  kind text not null,
  entity_id uuid not null,
  base jsonb,
  state jsonb not null,
  atoms text[] not null,
  reason text not null,
  proposed_at timestamptz(3) not null default now(),
  proposed_by text not null,
  decided_at timestamptz(3),
  decided_by text,
  decided_reason text,
  event_id uuid,
  check ((status = 'waiting') = (decided_at is null and decided_by is null)),
  check ((status = 'approved') = (event_id is not null))
);
create unique index quarantine_edit_waiting_key on quarantine_edit (quarantine_id) where status = 'waiting';
create index quarantine_edit_quarantine_id_idx on quarantine_edit (quarantine_id);
comment on table quarantine_edit is 'Corrected states of records in quarantine, each waiting for a second person; deleted with its record.';
comment on column quarantine_edit.base is 'The revision on which the correction was made; null when the entity does not exist here.';
comment on column quarantine_edit.atoms is 'What it changes of the state that stood here when it was proposed.';
comment on column quarantine_edit.event_id is 'The edit by E-assurance that an approval made.';

create trigger quarantine_edit_keeps_proposal before update on quarantine_edit
  for each row when (
    old.status <> 'waiting'
    or (new.id, new.quarantine_id, new.provider, new.kind, new.entity_id, new.base, new.state, new.atoms, new.reason,
        new.proposed_at, new.proposed_by)
       is distinct from
       (old.id, old.quarantine_id, old.provider, old.kind, old.entity_id, old.base, old.state, old.atoms, old.reason,
        old.proposed_at, old.proposed_by)
  ) execute function refuse_change();
