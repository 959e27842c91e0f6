import { describe, expect, it } from 'vitest';
import type { Alongside, Arrival, Settled } from '../../../src/apply/apply-batch.ts';
import { retryQuarantined, type RetryDeps } from '../../../src/apply/retry-quarantined.ts';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import type { QuarantinedRecord, WritePlan } from '../../../src/ports.ts';
import { CREATED, NOW, setup as setupApply, topology } from './setup.ts';

const AMEL = { name: 'Amel Haddad', via: 'a test' };

function record(id: string, change: Partial<QuarantinedRecord> = {}): QuarantinedRecord {
  return {
    ...{
      id,
      code: 'UNDECODABLE',
      cause: 'Why.',
      provider: 'saa',
      topic: CREATED,
      partition: 0,
      offset: BigInt(id),
    },
    ...{
      key: null,
      value: null,
      headers: {},
      schemaId: null,
      eventId: null,
      kind: null,
      entityId: null,
      revision: null,
    },
    ...{ keyBytes: null, valueBytes: null, attempts: 1, firstSeenMs: NOW, lastSeenMs: NOW, settled: null },
    ...change,
  };
}

const ended = { atMs: NOW, how: 'discarded', by: 'Karim', reason: null } as const;

/** Records on one side, and what each transaction was given on the other. */
function setup(records: readonly QuarantinedRecord[], before: (call: number) => void = () => {}) {
  const rows = new Map(records.map((one) => [one.id, one]));
  const batches: (readonly (string | undefined)[])[] = [];
  const written: Partial<WritePlan>[] = [];
  const deps: RetryDeps = {
    topology,
    codec: setupApply().deps.codec,
    table: { read: async (ids) => ids.flatMap((id) => rows.get(id) ?? []) },
    apply: async (arrivals: readonly Arrival[], alongside: Alongside) => {
      before(batches.length);
      batches.push(arrivals.map(({ offset }) => offset?.toString()));
      const settled = arrivals.map((): Settled => ({
        outcome: 'applied',
        code: null,
        eventId: null,
        entityId: null,
      }));
      written.push(alongside(settled));
      return settled;
    },
  };
  return { rows, batches, written, retry: (ids: readonly string[]) => retryQuarantined(ids, AMEL, deps) };
}

describe('retrying', () => {
  it('many goes transaction by transaction, none with more records than fit', async () => {
    const ids = Array.from({ length: 120 }, (_, i) => String(i + 1));
    const { retry, batches } = setup(ids.map((id) => record(id)));
    expect((await retry(ids)).map(({ id }) => id)).toEqual(ids);
    expect(batches.map(({ length }) => length)).toEqual([50, 50, 20]);
    expect(batches.flat()).toEqual(ids);
  });

  it('settles each record and writes its audit row with its outcome', async () => {
    const { retry, written } = setup([record('1')]);
    expect(await retry(['1'])).toEqual([{ id: '1', outcome: 'applied', code: null }]);
    expect(written).toMatchObject([
      {
        quarantineSteps: [{ id: '1', how: 'applied', by: 'Amel Haddad' }],
        audit: [{ actor: 'Amel Haddad', action: 'quarantine.retry', subject: 'quarantine/1' }],
      },
    ]);
  });

  it('leaves alone what is settled, what there is not, and what has no topic any more', async () => {
    const { retry, batches } = setup([
      record('1', { settled: ended }),
      record('2', { topic: 'gone-constat.created' }),
    ]);
    expect(await retry(['1', '2', '3'])).toEqual([
      { id: '1', outcome: 'closed', code: null },
      { id: '2', outcome: 'unrouted', code: null },
      { id: '3', outcome: 'missing', code: null },
    ]);
    expect(batches).toEqual([]);
  });

  it('goes on with the others when somebody settles one of them meanwhile', async () => {
    let tries = 0;
    const world = setup([record('1'), record('2')], () => {
      if (tries++ > 0) return;
      world.rows.set('1', record('1', { settled: ended }));
      throw new MovedError('quarantine', 'settled meanwhile');
    });
    expect((await world.retry(['1', '2'])).map(({ outcome }) => outcome)).toEqual(['closed', 'applied']);
    expect(world.batches).toEqual([['2']]);
  });

  it('stops where the world is at fault; what came before stands', async () => {
    const ids = Array.from({ length: 60 }, (_, i) => String(i + 1));
    const world = setup(
      ids.map((id) => record(id)),
      (call) => {
        if (call === 1) throw new TransientError('DATABASE_UNAVAILABLE', 'PostgreSQL cannot be reached');
      },
    );
    await expect(world.retry(ids)).rejects.toThrow('PostgreSQL cannot be reached');
    expect(world.written).toHaveLength(1);
  });
});
