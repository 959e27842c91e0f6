alter table quarantine add column revision jsonb;
comment on column quarantine.revision is 'What the record claims, when that can be compared: the mark of its entity goes with a state that dominates it.';
