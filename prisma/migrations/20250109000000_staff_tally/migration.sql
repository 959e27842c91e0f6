-- What waits for staff is counted every few seconds: each count reads its own few rows and none of the rest.
create index constat_undeclared_idx on "constat" (accident_date, provider) where status = 'DRAFT';
create index constat_injury_without_report_idx on "constat" (provider)
  where violations @> '[{"code": "INJURY_WITHOUT_REPORT"}]' and status not in ('CLOSED', 'REJECTED', 'CANCELLED');
