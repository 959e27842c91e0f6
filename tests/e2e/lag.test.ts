import { setTimeout as delay } from 'node:timers/promises';
import type { AxiosInstance } from 'axios';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LagDocument } from '../../src/api/read-lag.ts';
import type { LagVerdict } from '../../src/domain/lag/verdict.ts';
import { freePort } from '../support/free-port.ts';
import { kafkaClient, platformaticAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { recordConstat, shownAt } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

type Row = LagDocument['rows'][number];

/** How long something may stand still here before it is said. */
const PATIENCE_SECONDS = 1;

let bed: Bed;
let saa: Insurer;
/** Its platform is stopped: it neither reads nor writes. */
let trust: Insurer;
let operator: AxiosInstance;
let operatorKey: string;
beforeAll(async () => {
  bed = await setup({
    providers: 2,
    settings: { LAG_SAMPLE_SECONDS: '1', LAG_PATIENCE_SECONDS: String(PATIENCE_SECONDS) },
  });
  [saa, trust] = bed.insurers as [Insurer, Insurer];
  operator = await bed.apiAs('operator');
  operatorKey = operator.defaults.headers['X-API-Key'] as string;
});
afterAll(() => bed.close());

const topicOf = (insurer: Insurer) => `${insurer.id}-constat.created`;

/** Reports as they are made, a line each, until `stop`. */
function watchReports() {
  const reports = new Map<string, LagDocument>();
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const { status, data } = await operator.get<LagDocument>('/v1/lag');
      if (status === 200) reports.set(data.asOf, data);
      await delay(250);
    }
  })();
  return {
    reports,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function rowsOf(insurer: Insurer, accept: (rows: readonly Row[]) => boolean): Promise<readonly Row[]> {
  const { reports, stop } = watchReports();
  try {
    return await waitFor(
      `rows of ${insurer.id}`,
      () => [...reports.values()].at(-1)!.rows.filter(({ provider }) => provider === insurer.id),
      accept,
      30_000,
    );
  } finally {
    await stop();
  }
}

const has = (verdict: LagVerdict) => (rows: readonly Row[]) => rows.some((row) => row.verdict === verdict);

async function verdictOf(insurer: Insurer, verdict: LagVerdict): Promise<Row> {
  return (await rowsOf(insurer, has(verdict))).find((row) => row.verdict === verdict)!;
}

/** `bridge lag --json`: what it printed and its exit code. */
async function runLag(args: readonly string[], change: Readonly<Record<string, string>> = {}) {
  const run = runBridge(['lag', ...args], { ...bed.env, ...change });
  const code = await run.exited;
  expect(run.stderr()).toBe('');
  return { code, stdout: run.stdout() };
}
async function runLagJson(change: Readonly<Record<string, string>> = {}) {
  const { code, stdout } = await runLag(['--json'], change);
  return { code, report: JSON.parse(stdout) as LagDocument };
}

const event = () =>
  composeEvent(topicOf(saa), openedConstat(saa), { providerId: saa.id, revision: { [saa.id]: 1 } });

/** Holds the positions of the topic, so that its consumer can settle nothing, until the function returned is called. */
async function holdPositions(topic: string): Promise<() => Promise<void>> {
  const client = await bed.db.connect();
  await client.query('begin');
  await client.query('select from applied_offset where topic = $1 for update', [topic]);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

/** The broker's own time of each record in a partition, read by a consumer that has nothing to do with the bridge. */
async function appendTimes(topic: string, partition: number, until: bigint): Promise<Map<bigint, number>> {
  const times = new Map<bigint, number>();
  const consumer = kafkaClient().consumer({ groupId: `reckon-${topic}-${Date.now()}` });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async (message) => {
            if (message.partition !== partition) return;
            times.set(BigInt(message.message.offset), Number(message.message.timestamp));
            if (BigInt(message.message.offset) + 1n >= until) resolve();
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return times;
}

describe('lag, measured and judged', () => {
  it('is fine while everything is settled; the command says so with 0', async () => {
    await recordConstat(bed, saa);
    await rowsOf(saa, (rows) => rows.length > 0 && rows.every(({ verdict }) => verdict === 'OK'));
    const { code, report } = await runLagJson({ BRIDGE_API_KEY: operatorKey, BRIDGE_URL: bed.url() });
    expect(code).toBe(0);
    expect(new Set(report.rows.map(({ direction }) => direction))).toEqual(new Set(['in', 'out', 'read']));
  });

  it('shows an insurer its own figures alone', async () => {
    const { data } = await (await bed.apiAs('provider', trust.id)).get<LagDocument>('/v1/lag');
    expect(new Set(data.rows.map(({ provider }) => provider))).toEqual(new Set([trust.id]));
    expect(data.providers.map(({ provider }) => provider)).toEqual([trust.id]);
  });

  it('STALLED, then caught up: at every sample of a burst within a second of what the records themselves say', async () => {
    const partition = 0;
    const first = await bed.publish({ ...(await event()), partition });
    await waitFor('the partition has a position', async () => {
      const { rows } = await bed.db.query(
        'select from applied_offset where topic = $1 and partition = $2 and next_offset > $3',
        [topicOf(saa), partition, first.offset],
      );
      return rows.length === 1;
    });
    const settledTo = BigInt(first.offset) + 1n;
    const watching = watchReports();
    const release = await holdPositions(topicOf(saa));
    let last = first;
    for (let nth = 0; nth < 40; nth++) {
      last = await bed.publish({ ...(await event()), partition });
      await delay(100);
    }
    const stalled = await verdictOf(saa, 'STALLED');
    expect(stalled).toMatchObject({ topic: topicOf(saa), direction: 'in' });
    expect(stalled.next).toBe(`bridge explain ${topicOf(saa)}/${partition}/${settledTo}`);
    const releasedAtMs = Date.now();
    await release();
    await rowsOf(saa, (rows) => rows.every(({ verdict }) => verdict === 'OK'));
    await watching.stop();

    const times = await appendTimes(topicOf(saa), partition, BigInt(last.offset) + 1n);
    const oldestAtMs = times.get(settledTo)!;
    const checked = [...watching.reports.values()].filter(({ asOf }) => {
      const atMs = Date.parse(asOf);
      return atMs > oldestAtMs && atMs < releasedAtMs;
    });
    expect(checked.length).toBeGreaterThanOrEqual(3);
    for (const { asOf, rows } of checked) {
      const behind = rows
        .filter(({ topic, direction }) => topic === topicOf(saa) && direction === 'in')
        .map(({ behindSeconds }) => behindSeconds ?? 0);
      const reckoned = (Date.parse(asOf) - oldestAtMs) / 1000;
      expect(Math.abs(Math.max(...behind) - reckoned)).toBeLessThanOrEqual(1);
      const waiting = rows
        .filter(({ topic, direction }) => topic === topicOf(saa) && direction === 'in')
        .reduce((sum, { messages }) => sum + (messages ?? 0), 0);
      const written = [...times].filter(
        ([offset, atMs]) => offset >= settledTo && atMs <= Date.parse(asOf),
      ).length;
      expect(Math.abs(waiting - written)).toBeLessThanOrEqual(10);
    }
    const verdicts = [...watching.reports.values()].flatMap(({ rows }) => rows.map(({ verdict }) => verdict));
    expect(verdicts).toContain('CATCHING_UP');
  });

  it('POISON when quarantine grows', async () => {
    for (const text of ['one', 'two', 'three'])
      await bed.publish({ topic: topicOf(saa), partition: 1, key: text, value: Buffer.from(text) });
    const row = await verdictOf(saa, 'POISON');
    expect(row).toMatchObject({ topic: topicOf(saa), partitions: [1] });
    expect(row.cause).toContain('3 not settled');
  });

  it('REWOUND when somebody sets the position back', async () => {
    const { offset } = await bed.publish({ ...(await event()), partition: 2 });
    await waitFor('the record is settled', async () => {
      const { rowCount } = await bed.db.query(
        'select from applied_offset where topic = $1 and partition = 2 and next_offset > $2',
        [topicOf(saa), offset],
      );
      return rowCount === 1;
    });
    const settledAtMs = Date.now();
    const { reports, stop } = watchReports();
    await waitFor('a sample after that', () =>
      [...reports.keys()].some((asOf) => Date.parse(asOf) > settledAtMs),
    );
    await stop();
    await bed.db.query('update applied_offset set next_offset = 0 where topic = $1 and partition = 2', [
      topicOf(saa),
    ]);
    const row = await verdictOf(saa, 'REWOUND');
    expect(row).toMatchObject({ topic: topicOf(saa), partitions: [2] });
  });

  it('PAUSED_FUSE while a topic stands still on purpose', async () => {
    const topic = `${saa.id}-constat.updated`;
    expect((await operator.post(`/v1/topics/${topic}/pause`, { reason: 'their request' })).status).toBe(200);
    const row = await verdictOf(saa, 'PAUSED_FUSE');
    expect(row).toMatchObject({ topic, next: 'bridge topic list' });
    expect(row.cause).toContain('a person paused it');
    expect((await operator.post(`/v1/topics/${topic}/resume`, {})).status).toBe(200);
    await rowsOf(saa, (rows) => !has('PAUSED_FUSE')(rows));
  });

  it('PROVIDER_BEHIND when the insurer stops reading, PROVIDER_SILENT when it stops writing', async () => {
    for (let nth = 0; nth < 7; nth++) {
      const theirs = await trust.platform.create('constat', trust.sample.constat());
      await shownAt(bed, 'constats', theirs.id, `${trust.id}:1`);
      await delay(1_100);
    }
    await trust.stopSyncing();
    await recordConstat(bed, trust);
    const both = (rows: readonly Row[]) => has('PROVIDER_BEHIND')(rows) && has('PROVIDER_SILENT')(rows);
    const rows = await rowsOf(trust, both);
    const behind = rows.find(({ verdict }) => verdict === 'PROVIDER_BEHIND')!;
    expect(behind).toMatchObject({ topic: topicOf(trust), direction: 'read', messages: 1 });
    expect(rows.find(({ verdict }) => verdict === 'PROVIDER_SILENT')!.cause).toContain(trust.id);
  });

  it('shows it all in the gauges', async () => {
    const { data } = await operator.get<string>('/metrics');
    expect(data).toContain(`bridge_lag_seconds{provider="${saa.id}",topic="${topicOf(saa)}"} `);
    expect(data).toContain(`bridge_quarantine_events{provider="${saa.id}",code="UNDECODABLE"} 3`);
    expect(data).toContain(`bridge_unread_events{provider="${trust.id}",topic="${topicOf(trust)}"} 1`);
  });

  it('STOPPED and RETENTION_LOSS, seen by the command alone while the bridge is down, and 2', async () => {
    await bed.stopBridge();
    const lost = await bed.publish({ ...(await event()), partition: 0 });
    await bed.publish({ ...(await event()), partition: 0 });
    const admin = platformaticAdmin();
    const offset = BigInt(lost.offset) + 1n;
    await admin.deleteRecords({ topics: [{ name: topicOf(saa), partitions: [{ partition: 0, offset }] }] });
    await admin.close();

    const { code, report } = await runLagJson();
    expect(code).toBe(2);
    const rows = report.rows.filter(({ provider, direction }) => provider === saa.id && direction === 'in');
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(['RETENTION_LOSS', 'STOPPED']));
    expect(rows[0]).toMatchObject({ verdict: 'RETENTION_LOSS', partitions: [0], messages: 1 });
    expect(rows[0]!.cause).toContain(`from offset ${lost.offset} to ${offset} (1 record)`);

    const { stdout } = await runLag(['--provider', saa.id]);
    expect(stdout).toContain('STOPPED');
    expect(stdout).toContain('bridge run');
    expect(stdout).not.toContain(trust.id);
  });

  it('PAUSED_DATABASE, seen by the command while PostgreSQL is away too', async () => {
    const { code, report } = await runLagJson({
      DATABASE_URL: `postgresql://nobody@127.0.0.1:${await freePort()}/none`,
    });
    expect(code).toBe(2);
    expect(report).toMatchObject({ database: false, kafka: true });
    const rows = report.rows.filter(({ provider, direction }) => provider === trust.id && direction === 'in');
    expect(new Set(rows.map(({ verdict }) => verdict))).toEqual(new Set(['PAUSED_DATABASE']));
  });

  it('keeps saying what was lost after the bridge went on', async () => {
    await bed.startBridge();
    const rows = await rowsOf(saa, (all) =>
      all.some(({ verdict, messages }) => verdict === 'RETENTION_LOSS' && messages === 0),
    );
    const row = rows.find(({ verdict }) => verdict === 'RETENTION_LOSS')!;
    expect(row).toMatchObject({ topic: topicOf(saa), partitions: [0] });
  });
});
