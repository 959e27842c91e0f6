-- The insurer's own store. `event_number` orders its log of events, both ways.
CREATE SEQUENCE event_number;

-- The revision stands beside each record. `previous_*` is the state before the last write.
CREATE TABLE record (
  kind              text           NOT NULL,
  id                uuid           NOT NULL,
  revision          jsonb          NOT NULL,
  state             jsonb          NOT NULL,
  digest            text           NOT NULL,
  event_id          uuid,
  previous_revision jsonb,
  previous_state    jsonb,
  updated_at        timestamptz(3) NOT NULL,
  PRIMARY KEY (kind, id)
);
CREATE INDEX record_walk ON record (kind, updated_at, id);
CREATE INDEX record_policy_number ON record ((state ->> 'policyNumber')) WHERE kind = 'policy';

-- What is to be published, written with the record in one transaction. Sent rows stay: they are the log of what went out.
CREATE TABLE outbox (
  sequence    bigserial PRIMARY KEY,
  event_id    uuid        NOT NULL,
  event_type  text        NOT NULL,
  kind        text        NOT NULL,
  record_id   uuid        NOT NULL,
  revision    jsonb       NOT NULL,
  topic       text        NOT NULL,
  value       bytea       NOT NULL,
  headers     jsonb       NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  number      bigint,
  sent_at     timestamptz,
  "partition" integer,
  "offset"    bigint
);
CREATE INDEX outbox_waiting ON outbox (sequence) WHERE sent_at IS NULL;
CREATE INDEX outbox_number ON outbox (number) WHERE number IS NOT NULL;
CREATE INDEX outbox_event ON outbox (event_id);

-- Every event received, by its first arrival; an unreadable one has no event id.
CREATE TABLE inbox (
  number      bigint      PRIMARY KEY,
  event_id    uuid        UNIQUE,
  event_type  text,
  kind        text,
  record_id   uuid,
  revision    jsonb,
  topic       text        NOT NULL,
  "partition" integer     NOT NULL,
  "offset"    bigint      NOT NULL,
  outcome     text        NOT NULL,
  cause       text,
  arrivals    integer     NOT NULL DEFAULT 1,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
