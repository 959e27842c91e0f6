create table topic_fuse (
  id bigint generated always as identity primary key,
  topic text not null,
  blown_at timestamptz(3) not null default now(),
  paused_by text,
  reason text,
  counted integer not null default 0,
  codes jsonb not null default '{}',
  samples jsonb not null default '[]',
  resumed_at timestamptz(3),
  resumed_by text,
  skipped jsonb,
  check ((resumed_at is null) = (resumed_by is null))
);
create unique index topic_fuse_open_key on topic_fuse (topic) where resumed_at is null;
create index topic_fuse_topic_id_idx on topic_fuse (topic, id);
comment on table topic_fuse is 'Topics that stand still, and stood still once: one row each time. A row without resumed_at stops every replica.';
comment on column topic_fuse.paused_by is 'The person who paused it; null when too many of its records were bad.';
comment on column topic_fuse.counted is 'How many records were looked at when it blew; codes tells how many of them were bad, by code.';
comment on column topic_fuse.samples is 'The first few bad records of the batch that blew it: [{partition, offset, code}].';
comment on column topic_fuse.skipped is 'What a person decided to leave out: [{partition, from, to}], to not included.';
