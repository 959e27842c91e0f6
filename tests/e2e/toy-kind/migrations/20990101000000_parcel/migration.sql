-- The table of the toy kind in tests/e2e/toy-kind: the columns that every kind has, and its own.
create table parcel (
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
  label text
);
create index parcel_updated_at_id_idx on parcel (updated_at, id);
