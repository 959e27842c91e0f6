import { describe, expect, it } from 'vitest';
import { createLagLedger } from '../../../src/postgres/create-lag-ledger.ts';
import { newId } from '../../contract/toy-kind.ts';
import { setupPostgres } from './setup-postgres.ts';

const fixture = setupPostgres();

/** A constat's row, with an accident so many days ago in Algiers. */
async function insert(row: { provider: string; status: string; daysAgo: number; codes?: readonly string[] }) {
  await fixture.pool.query(
    `insert into constat (id, event_id, digest, provider, created_by, status, revision, accident_date, violations)
     values ($1, $2, '', $3, $3, $4, '{}', (now() at time zone 'Africa/Algiers')::date - $5::int, $6)`,
    [
      newId(),
      newId(),
      row.provider,
      row.status,
      row.daysAgo,
      row.codes ? JSON.stringify(row.codes.map((code) => ({ code, pointer: '/accident' }))) : null,
    ],
  );
}

describe('what waits for staff', () => {
  it('is counted by insurer: drafts in their last three days, and open constats with injuries and no report', async () => {
    for (const daysAgo of [4, 5, 6, 7, 8]) await insert({ provider: 'saa', status: 'DRAFT', daysAgo });
    await insert({ provider: 'saa', status: 'SUBMITTED', daysAgo: 6 });
    const codes = ['PLACE_MISSING', 'INJURY_WITHOUT_REPORT'];
    for (const status of ['SUBMITTED', 'CLOSED', 'REJECTED', 'CANCELLED'])
      await insert({ provider: 'trust', status, daysAgo: 1, codes });
    await insert({ provider: 'trust', status: 'SUBMITTED', daysAgo: 1, codes: ['PLACE_MISSING'] });

    const { constats } = await createLagLedger({ pool: fixture.pool }).read();
    expect(constats.toSorted((a, b) => a.provider.localeCompare(b.provider))).toEqual([
      { provider: 'saa', undeclared: 3, withoutReport: 0 },
      { provider: 'trust', undeclared: 0, withoutReport: 1 },
    ]);
  });
});
