import axios from 'axios';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { platformaticAdmin, withKafkaAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** Replicas of the bridge as processes of their own, of which one stands still (SIGSTOP) and comes back (SIGCONT). */
const SHORT = { KAFKA_SESSION_TIMEOUT_SECONDS: '6', STALL_AFTER_SECONDS: '10', LOG_LEVEL: 'info' };
let bed: Bed;
let insurer: Insurer;
let topic: string;
const children: ChildRun[] = [];
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  topic = `${insurer.id}-constat.created`;
  await bed.stopBridge();
});
afterEach(async () => {
  for (const { process, exited } of children.splice(0)) {
    process.kill('SIGKILL');
    await exited;
  }
  const admin = platformaticAdmin();
  await admin.removeMembersFromConsumerGroup({ groupId: group(), members: null });
  await admin.close();
});
afterAll(() => bed.close());

const group = () => `eassurance-${insurer.id}`;

async function start() {
  const port = await freePort();
  const child = runBridge(['run'], { ...bed.env, ...SHORT, HTTP_PORT: String(port) });
  children.push(child);
  const health = (probe: 'live' | 'ready') =>
    axios.get(`http://127.0.0.1:${port}/health/${probe}`, { validateStatus: () => true });
  const isReady = async () => {
    if (child.process.exitCode !== null) throw new Error(child.stderr());
    return (await health('ready')).status === 200;
  };
  await waitFor('the replica is ready', isReady, Boolean, 60_000);
  return { ...child, health };
}

const create = () => insurer.platform.create('constat', insurer.sample.constat());
const applied = async (): Promise<readonly bigint[]> => {
  const { rows } = await bed.db.query<{ next: string }>(
    'select next_offset as next from applied_offset where topic = $1 order by partition',
    [topic],
  );
  return rows.map(({ next }) => BigInt(next));
};
const committed = () =>
  withKafkaAdmin(async (admin) => {
    const [offsets] = await admin.fetchOffsets({ groupId: group(), topics: [topic] });
    const partitions = [...offsets!.partitions].sort((a, b) => a.partition - b.partition);
    return partitions.map(({ offset }) => BigInt(offset));
  });
const members = () =>
  withKafkaAdmin(async (admin) => (await admin.describeGroups([group()])).groups[0]!.members.length);
const total = (offsets: readonly bigint[]) => offsets.reduce((sum, offset) => sum + offset, 0n);
const heldHere = (ids: readonly string[]) =>
  waitFor(`${ids.length} constats`, async () => {
    const { rows } = await bed.db.query('select from constat where id = any ($1)', [ids]);
    return rows.length === ids.length;
  });

describe('a replica that stood still in the middle of a batch, for longer than its session', () => {
  it('neither writes nor commits for the one that took over, and comes back', async () => {
    const frozen = await start();
    const first = await create();
    await heldHere([first.id]);
    const constats = [first.id];

    // Whoever reads constats to judge a batch waits for this lock: the transaction has begun and nothing is written.
    const holder = await bed.db.connect();
    try {
      await holder.query('begin');
      await holder.query('lock table constat in access exclusive mode');
      for (let i = 0; i < 6; i++) constats.push((await create()).id);
      await waitFor('a batch is in the middle', async () => {
        const { rows } = await holder.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      frozen.process.kill('SIGSTOP');
      await holder.query('rollback');
    } finally {
      holder.release();
    }

    const other = await start();
    await heldHere(constats);
    expect(await members()).toBe(1);
    for (let i = 0; i < 6; i++) constats.push((await create()).id);
    await heldHere(constats);
    await waitFor('all of it is committed', committed, (offsets) => total(offsets) === 13n);
    const before = { applied: await applied(), committed: await committed() };
    expect(total(before.applied)).toBe(13n);
    const { rows: history } = await bed.db.query('select * from event order by sequence');

    frozen.process.kill('SIGCONT');
    await waitFor('it has dropped its batch', () => frozen.stdout().includes('this batch is dropped'));
    await waitFor('it has joined again', members, (count) => count === 2);
    expect(await applied()).toEqual(before.applied);
    expect(await committed()).toEqual(before.committed);
    expect((await bed.db.query('select * from event order by sequence')).rows).toEqual(history);
    expect(history).toHaveLength(13);

    for (let i = 0; i < 6; i++) constats.push((await create()).id);
    await heldHere(constats);
    for (const { health } of [frozen, other]) expect((await health('live')).status).toBe(200);
  });
});

describe('a commit to the group that was lost', () => {
  it('is made good although nothing new comes, and the liveness names who is watched', async () => {
    const replica = await start();
    const { id } = await create();
    await heldHere([id]);
    replica.process.kill('SIGTERM');
    expect(await replica.exited).toBe(0);
    await withKafkaAdmin((admin) =>
      admin.setOffsets({ groupId: group(), topic, partitions: [{ partition: 0, offset: '0' }] }),
    );
    expect(await committed()).not.toEqual(await applied());

    const { health } = await start();
    const settled = await applied();
    await waitFor('the group knows what is settled', committed, (offsets) =>
      settled.every((offset, partition) => offsets[partition] === offset),
    );
    expect((await health('live')).data).toMatchObject({
      status: 'up',
      checks: [{ name: `progress-${insurer.id}`, status: 'up' }],
    });
  });
});
