import http from 'node:http';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import axios, { type AxiosInstance } from 'axios';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat, type ComposedEvent } from './compose-event.ts';
import { composeOlderEvent } from './older-contract.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer, type Position } from './setup.ts';

/** An insurer's deploy that sends bytes which nobody can read, one topic of it at a time. */
let bed: Bed;
let saa: Insurer;
let trust: Insurer;
let operator: AxiosInstance;
beforeAll(async () => {
  bed = await setup({ providers: 2 });
  [saa, trust] = bed.insurers as [Insurer, Insurer];
  operator = await bed.apiAs('operator');
});
afterAll(() => bed.close());

const created = () => `${saa.id}-constat.created`;
const updated = () => `${saa.id}-constat.updated`;

const publishBad = (topic: string, count: number, partition?: number): Promise<readonly Position[]> =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      bed.publish({
        topic,
        key: randomUUID(),
        value: Buffer.from(`deployed in haste ${i}`),
        ...(partition !== undefined && { partition }),
      }),
    ),
  );
const honest = (topic: string, insurer = saa): Promise<ComposedEvent> =>
  composeEvent(topic, openedConstat(insurer), { providerId: insurer.id, revision: { [insurer.id]: 1 } });
const applied = (event: ComposedEvent, insurer = saa) =>
  shownAt(bed, 'constats', event.key, `${insurer.id}:1`);

const stateOf = async (topic: string) =>
  (await operator.get('/v1/topics')).data.data.find((one: { topic: string }) => one.topic === topic);
const reaches = (topic: string, state: string) =>
  waitFor(
    `${topic} ${state}`,
    () => stateOf(topic),
    (found) => found?.state === state,
  );
const quarantined = async (topic: string): Promise<number> => {
  const { rows } = await bed.db.query('select count(*)::int as n from quarantine where topic = $1', [topic]);
  return rows[0].n;
};
const positionsOf = async (topic: string) =>
  (
    await bed.db.query(
      'select partition, next_offset::int as next from applied_offset where topic = $1 order by 1',
      [topic],
    )
  ).rows;
const metric = async (url: string, topic: string) =>
  String((await axios.get(`${url}/metrics`)).data).match(
    new RegExp(`bridge_topic_fuse_blown\\{topic="${topic}"\\} (\\d)`),
  )?.[1];
const cli = async (...args: readonly string[]) => {
  const run = runBridge(['topic', ...args], bed.env);
  return { code: await run.exited, stdout: run.stdout(), stderr: run.stderr() };
};

describe('a bad deploy on one topic', () => {
  let behind: ComposedEvent;

  it('stops that topic after about a window of bad records, not after thousands', async () => {
    await publishBad(created(), 600);
    const { pause } = await reaches(created(), 'blown');
    expect(pause).toMatchObject({ by: null, counted: 20, codes: { UNDECODABLE: 20 } });
    expect(pause.advice).toContain(`bridge topic resume ${created()}`);
    behind = await honest(created());
    await bed.publish(behind);
    expect(await quarantined(created())).toBe(20);
  });

  it('leaves the other topics alone, of this insurer and of the others', async () => {
    const [other, ofTrust] = [await honest(updated()), await honest(`${trust.id}-constat.created`, trust)];
    await bed.publish(other);
    await bed.publish(ofTrust);
    await applied(other);
    await applied(ofTrust, trust);
  });

  it('is shown by the health check, the gauge and the command line', async () => {
    const { data } = await operator.get('/health/ready');
    expect(data.checks).toContainEqual(
      expect.objectContaining({
        name: 'topics',
        status: 'degraded',
        detail: expect.stringContaining('bridge topic resume'),
      }),
    );
    const { data: metrics } = await operator.get('/metrics');
    expect(metrics).toContain(`bridge_topic_fuse_blown{topic="${created()}"} 1`);
    const { code, stdout } = await cli('list', '--paused');
    expect(code).toBe(0);
    expect(stdout).toContain(created());
    expect(stdout).toContain('20 × UNDECODABLE among 20 records');
    expect(stdout).not.toContain(updated());
  });

  it('still stands still in another process, and after a restart', async () => {
    const before = await positionsOf(created());
    const replica = runBridge(['run'], bed.env);
    const url = `http://127.0.0.1:${bed.env['HTTP_PORT']}`;
    try {
      await waitFor('the replica is up', async () => (await axios.get(`${url}/health/ready`)).status === 200);
      expect(await metric(url, created())).toBe('1');
      await bed.stopBridge();
      // The replica has every partition now: what it settles elsewhere shows that it consumes.
      const other = await honest(updated());
      await settledTo(bed, await bed.publish(other));
      expect(await positionsOf(created())).toEqual(before);
      expect(await quarantined(created())).toBe(20);
    } finally {
      await stop(replica);
    }
    await bed.startBridge();
  });

  it('trips anew when it is resumed while nothing was mended', async () => {
    const { code, stdout } = await cli('resume', created(), '--by', 'Amel');
    expect([code, stdout.trim()]).toEqual([0, `${created()} goes on`]);
    await waitFor(
      'the second window',
      () => quarantined(created()),
      (count) => count > 20,
    );
    await reaches(created(), 'blown');
    expect(await quarantined(created())).toBe(40);
  });

  it('moves positions only forward, and says why not', async () => {
    const stands = (await positionsOf(created())).find(({ next }) => next > 0);
    const back = await cli('resume', created(), '--by', 'Amel', '--skip-to', `${stands.partition}:0`);
    expect(back.code).toBe(1);
    expect(back.stderr).toContain(`stands at ${stands.next} already, and positions only move forward`);
    const { status, data } = await operator.post(`/v1/topics/${created()}/resume`, { skipTo: '0:1000000' });
    expect([status, data.type]).toEqual([409, 'urn:eassurance:problem:topic-state']);
    expect((await stateOf(created())).state).toBe('blown');
  });

  it('goes on behind what a person decided to leave out, which the audit shows', async () => {
    const before = await positionsOf(created());
    const { status, data } = await operator.post(`/v1/topics/${created()}/resume`, { skipTo: 'end' });
    expect([status, data.state]).toEqual([200, 'running']);
    const good = await honest(created());
    await bed.publish(good);
    await applied(good);
    expect(await quarantined(created())).toBe(40);
    // The good one among them was left out too: that was the decision.
    expect((await bed.staff.get(`/v1/constats/${behind.key}`)).status).toBe(404);

    const { rows } = await bed.db.query(
      `select actor, detail from audit where action = 'topic.resume' and subject = $1 order by id desc limit 1`,
      [`topic/${created()}`],
    );
    expect(rows[0].actor).toBe('Test operator');
    const skipped: { partition: number; from: string; to: string }[] = rows[0].detail.skipped;
    const left = skipped.reduce((sum, { from, to }) => sum + Number(to) - Number(from), 0);
    expect(left).toBe(601 - 40);
    for (const { partition, from } of skipped) {
      expect(Number(from)).toBe(before.find((row) => row.partition === partition)?.next ?? 0);
    }
  });
});

describe('a topic that is resumed', () => {
  it('settles what lay behind, bad and good, each once', async () => {
    const topic = `${trust.id}-constat.updated`;
    const held: ComposedEvent[] = [];
    await publishBad(topic, 25, 1);
    for (let i = 0; i < 5; i++) {
      held.push(await honest(topic, trust));
      await bed.publish({ ...held.at(-1)!, partition: 1 });
    }
    await reaches(topic, 'blown');
    expect((await operator.post(`/v1/topics/${topic}/resume`, {})).status).toBe(200);
    for (const event of held) await applied(event, trust);
    expect(await quarantined(topic)).toBe(25);
    expect((await stateOf(topic)).state).toBe('running');
    const { rows } = await bed.db.query(
      'select entity_id, count(*)::int as n from event where entity_id = any($1) group by 1 having count(*) <> 1',
      [held.map(({ key }) => key)],
    );
    expect(rows).toEqual([]);
  });

  it('may have been paused by a person, and then loses nothing', async () => {
    const topic = `${trust.id}-constat.created`;
    expect((await operator.post(`/v1/topics/${topic}/pause`, { reason: 'their request' })).status).toBe(200);
    expect(await stateOf(topic)).toMatchObject({
      state: 'paused',
      pause: { by: 'Test operator', reason: 'their request' },
    });
    await waitFor('the bridge has noticed', async () =>
      (await operator.get('/metrics')).data.includes(`bridge_topic_fuse_blown{topic="${topic}"} 1`),
    );
    const event = await honest(topic, trust);
    await bed.publish(event);
    const elsewhere = await honest(`${trust.id}-constat.updated`, trust);
    await bed.publish(elsewhere);
    await applied(elsewhere, trust);
    expect((await bed.staff.get(`/v1/constats/${event.key}`)).status).toBe(404);
    expect((await operator.post(`/v1/topics/${topic}/resume`, {})).status).toBe(200);
    await applied(event, trust);
  });
});

describe('a registry that is away', () => {
  it('trips nothing: what can not be judged waits, and is applied when it returns', async () => {
    await bed.stopBridge();
    const registry = await switchableRegistry();
    const child = runBridge(['run'], { ...bed.env, SCHEMA_REGISTRY_URL: registry.url });
    try {
      const url = `http://127.0.0.1:${bed.env['HTTP_PORT']}`;
      await waitFor('the bridge is up', async () => (await axios.get(`${url}/health/ready`)).status === 200);
      registry.away = true;
      const lacking = { Accident: 'policeReport' };
      const events = await Promise.all(
        Array.from({ length: 30 }, () =>
          composeOlderEvent(updated(), lacking, openedConstat(saa), {
            providerId: saa.id,
            revision: { [saa.id]: 1 },
          }),
        ),
      );
      const before = await quarantined(updated());
      for (const event of events) await bed.publish(event);
      await waitFor('the registry was asked in vain', () => registry.refused > 2);
      expect(await quarantined(updated())).toBe(before);
      expect(await metric(url, updated())).toBe('0');
      registry.away = false;
      for (const event of events) await applied(event);
      expect(await quarantined(updated())).toBe(before);
    } finally {
      await stop(child);
      await registry.close();
    }
    await bed.startBridge();
  });
});

async function stop(child: ChildRun): Promise<void> {
  child.process.kill('SIGTERM');
  await child.exited;
}

/** The real registry behind an address of its own, which can stop answering. */
async function switchableRegistry() {
  const state = { away: false, refused: 0 };
  const server = http.createServer((request, response) => {
    if (state.away) {
      state.refused += 1;
      request.socket.destroy();
      return;
    }
    const to = new URL(`${inject('registryUrl')}${request.url}`);
    const passedOn = http.request(
      to,
      { method: request.method!, headers: { ...request.headers, host: to.host } },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    passedOn.on('error', () => request.socket.destroy());
    request.pipe(passedOn);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
