-- "What became of the record at this offset?" A btree would cost every event that is written about a tenth of the drain;
-- a Bloom filter per range of pages costs next to nothing, since rows are only ever appended: a range is summarised once,
-- behind the writers (autosummarize; a vacuum does the same). A lookup reads the filters and the few ranges that match.
create index event_position_idx on event using brin
  (((route_id::bigint << 48) # (kafka_partition::bigint << 40) # kafka_offset)
   int8_bloom_ops (n_distinct_per_range = 1500, false_positive_rate = 0.001))
  with (pages_per_range = 128, autosummarize = on);
create index delivery_position_idx on delivery using brin
  ((hashtextextended(topic, 0) # (kafka_partition::bigint << 40) # kafka_offset)
   int8_bloom_ops (n_distinct_per_range = 1500, false_positive_rate = 0.001))
  with (pages_per_range = 16, autosummarize = on);

-- Few rows, so a btree each is cheap.
create index quarantine_position_idx on quarantine (topic, kafka_partition, kafka_offset);
create index quarantine_entity_id_idx on quarantine (entity_id) where entity_id is not null;
create index outbox_parked_event_id_idx on outbox (event_id) where parked_at is not null;
create index entity_flag_entity_id_idx on entity_flag (entity_id);
