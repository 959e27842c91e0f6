import type { AxiosInstance } from 'axios';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LagDocument } from '../../src/api/read-lag.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { LagVerdict } from '../../src/domain/lag/verdict.ts';
import { sleep } from '../../src/runtime/sleep.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { settledTo } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer, type Position } from './setup.ts';

type Row = LagDocument['rows'][number];

/** A PostgreSQL that is slow, and one that is away: behind a network that can be cut. */
let bed: Bed;
let insurer: Insurer;
let topic: string;
let operator: AxiosInstance;
let network: TcpProxy;
beforeAll(async () => {
  bed = await setup({
    settings: { LAG_SAMPLE_SECONDS: '1', LAG_PATIENCE_SECONDS: '3' },
    async bridgeEnv({ DATABASE_URL }) {
      const url = new URL(DATABASE_URL!);
      network = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
      url.port = String(network.port);
      return { DATABASE_URL: url.href };
    },
  });
  insurer = bed.insurers[0]!;
  topic = `${insurer.id}-constat.created`;
  operator = await bed.apiAs('operator');
});
afterAll(async () => {
  await bed.close();
  await network.close();
});

const inbound = ({ rows }: LagDocument) =>
  rows.filter((row) => row.topic === topic && row.direction === 'in');

/** The line in which the bridge says this of the topic's records, as soon as it does. */
async function said(verdict: LagVerdict, accept: (row: Row) => boolean = () => true): Promise<Row> {
  const rows = await waitFor(
    `${verdict} of ${topic}`,
    async () =>
      inbound((await operator.get<LagDocument>('/v1/lag')).data).filter((row) => row.verdict === verdict),
    ([row]) => row !== undefined && accept(row),
    30_000,
  );
  return rows[0]!;
}

const allIsFine = () =>
  waitFor(
    'nothing is wrong',
    async () => (await operator.get<LagDocument>('/v1/lag')).data.rows,
    (rows) => rows.every(({ verdict }) => verdict === 'OK'),
  );

/** Has every transaction that settles records of the topic take this long, until the function returned is called. */
async function slowDown(seconds: number): Promise<() => Promise<void>> {
  await bed.db.query(`
    create function take_long() returns trigger language plpgsql as
      $$ begin perform pg_sleep(${seconds}); return new; end $$;
    create trigger take_long before insert or update on applied_offset
      for each row when (new.topic = '${topic}') execute function take_long()`);
  return async () => {
    await bed.db.query('drop function take_long() cascade');
  };
}

async function publish(change: JsonObject = {}): Promise<Position> {
  const meta = { providerId: insurer.id, revision: { [insurer.id]: 1 } };
  return bed.publish({ ...(await composeEvent(topic, openedConstat(insurer, change), meta)), partition: 0 });
}

/** `bridge lag`: its exit code and what it printed. */
async function runLag(args: readonly string[], change: Readonly<Record<string, string>> = {}) {
  const run = runBridge(['lag', ...args], { ...bed.env, ...change });
  const code = await run.exited;
  expect(run.stderr()).toBe('');
  return { code, stdout: run.stdout() };
}

describe('lag, when PostgreSQL', () => {
  it('settles less than arrives, is FALLING_BEHIND, then CATCHING_UP, then over', async () => {
    const restore = await slowDown(0.4);
    const publishing = new AbortController();
    const published = (async () => {
      for (;;) {
        // So large that a fetch brings two: a batch can't make up for a transaction that takes long.
        const position = await publish({ statusReason: 'x'.repeat(500_000) });
        if (publishing.signal.aborted) return position;
        await sleep(80);
      }
    })();
    // By enough to be seen working it off.
    const row = await said('FALLING_BEHIND', ({ messages }) => messages! >= 40);
    publishing.abort();
    expect(row).toMatchObject({ partitions: [0], drainSeconds: 'never', next: 'bridge lag --watch' });
    expect(row.cause).toMatch(/ events? behind; [\d.]+\/s arrive and [\d.]+\/s are settled/);

    expect(await said('CATCHING_UP')).toMatchObject({ partitions: [0], next: null });
    await restore();
    await settledTo(bed, await published);
    await allIsFine();
  });

  it('is away, is PAUSED_DATABASE to whoever asks, and over when it is back', async () => {
    await network.refuse();
    const key = operator.defaults.headers['X-API-Key'] as string;
    const askingBridge = { BRIDGE_API_KEY: key, BRIDGE_URL: bed.url() };
    expect(await said('PAUSED_DATABASE')).toMatchObject({ partitions: null, next: 'bridge doctor' });

    for (const env of [askingBridge, {}]) {
      const { code, stdout } = await runLag(['--json'], env);
      expect(code).toBe(2);
      const report = JSON.parse(stdout) as LagDocument;
      expect(report).toMatchObject({ database: false, kafka: true });
      expect(inbound(report)).toMatchObject([{ verdict: 'PAUSED_DATABASE' }]);
      expect((await runLag([], env)).stdout).toContain('PostgreSQL does not answer');
    }

    await network.restore();
    await settledTo(bed, await publish());
    await allIsFine();
    for (const env of [askingBridge, {}]) expect(await runLag([], env)).toMatchObject({ code: 0 });
  });
});
