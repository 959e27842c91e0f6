-- What lag is measured from: when a provider last wrote, how often it usually does, and indexes for what is counted every
-- few seconds, so that counting never reads what is settled.

alter table applied_offset add column arrived_at timestamptz(3);
comment on column applied_offset.arrived_at is 'The broker''s time of the newest applied record that E-assurance had not written.';

create table provider_rhythm (
  provider text primary key,
  last_arrival_at timestamptz(3) not null,
  usual_pause_ms bigint not null,
  pauses int not null
);
comment on table provider_rhythm is 'How a provider writes: its longest pause of late, halved for every week. Silence is judged by it.';

create index delivery_published_position_idx on delivery (topic, kafka_partition, kafka_offset) where outcome = 'published';
create index quarantine_open_idx on quarantine (provider, topic, kafka_partition, code, first_seen) where settled_at is null;
create index quarantine_first_seen_idx on quarantine (first_seen);
create index conflict_open_idx on conflict (provider, severity, opened_at) where status = 'open';
