import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { createEmptyDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { recordConstat, shownAt } from './actions.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

let bed: Bed;
let insurer: Insurer;
let child: ChildRun | null = null;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  await bed.stopBridge();
});
afterEach(async () => {
  if (child?.process.exitCode === null) child.process.kill('SIGKILL');
  await child?.exited;
  child = null;
});
afterAll(() => bed.close());

const start = (change: Readonly<Record<string, string>> = {}): ChildRun =>
  (child = runBridge(['run'], { ...bed.env, ...change }));
const ready = () =>
  waitFor('the bridge is ready', async () => {
    if (child!.process.exitCode !== null) throw new Error(child!.stderr());
    return (await bed.staff.get('/health/ready')).status === 200;
  });
const membersOf = (groupId: string) =>
  withKafkaAdmin(async (admin) => (await admin.describeGroups([groupId])).groups[0]!.members.length);

describe('`bridge run` that is told to stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends with 0, soon, and has left its groups',
    async (signal) => {
      const { process, exited, stderr } = start();
      await ready();
      const theirs = await insurer.platform.create('constat', insurer.sample.constat());
      await shownAt(bed, 'constats', theirs.id, `${insurer.id}:1`);
      expect(await membersOf(`eassurance-${insurer.id}`)).toBe(1);

      const askedAt = Date.now();
      process.kill(signal);
      expect(await exited).toBe(0);
      expect(Date.now() - askedAt).toBeLessThan(15_000);
      expect(stderr()).toBe('');
      expect(await membersOf(`eassurance-${insurer.id}`)).toBe(0);
    },
  );

  it('has sent, or sends when it is back, every edit that it acknowledged', async () => {
    const first = start();
    await ready();
    const ours = [await recordConstat(bed, insurer), await recordConstat(bed, insurer)];
    first.process.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    start();
    for (const { id } of ours) await insurer.platform.waitFor('constat', id, () => true, 20_000);
  });

  it('writes no secret to its log', async () => {
    const { process, exited, stdout } = start({ LOG_LEVEL: 'trace' });
    await ready();
    process.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(stdout()).toContain('the bridge starts');
    const password = new URL(bed.env['DATABASE_URL']!).password;
    const secrets = [password, bed.env['KAFKA_SASL_PASSWORD']!, bed.env['EVENT_SIGNING_KEY']!];
    for (const secret of secrets) expect(stdout()).not.toContain(secret);
  });
});

describe('`bridge run` that can not run like this', () => {
  const cases: readonly (readonly [string, RegExp, () => Promise<Record<string, string>>])[] = [
    ['a missing setting', /DATABASE_URL is missing/, async () => ({ DATABASE_URL: '' })],
    [
      'two faults in its settings',
      /KAFKA_BROKERS[^]*EVENT_SIGNING_KEY/,
      async () => ({ KAFKA_BROKERS: '', EVENT_SIGNING_KEY: 'short' }),
    ],
    ['a topics.yaml that is not there', /topics/i, async () => ({ TOPICS_FILE: '/nowhere/topics.yaml' })],
    [
      'no database at its address',
      /PostgreSQL|database/i,
      async () => ({ DATABASE_URL: `postgresql://postgres:geheim@127.0.0.1:${await freePort()}/nothing` }),
    ],
    ['no Kafka at its address', /Kafka/, async () => ({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` })],
    ['a wrong Kafka password', /Kafka/, async () => ({ KAFKA_SASL_PASSWORD: 'geheim' })],
    [
      'no registry at its address',
      /registry/i,
      async () => ({ SCHEMA_REGISTRY_URL: `http://127.0.0.1:${await freePort()}` }),
    ],
    [
      'a port that is taken',
      /HTTP_PORT|port/i,
      async () => ({ HTTP_PORT: new URL(insurer.platform.url).port }),
    ],
  ];

  const expectOneSentence = async (saying: RegExp, change: Record<string, string>) => {
    const { exited, stderr } = start(change);
    expect(await exited).toBe(1);
    expect(stderr()).toMatch(saying);
    expect(stderr()).toMatch(/^bridge: /);
    expect(stderr()).not.toMatch(/^\s+at /m);
    expect(stderr()).not.toContain('geheim');
    return stderr();
  };

  it.each(cases)('for %s says so in a sentence and ends with 1', async (_why, saying, change) => {
    await expectOneSentence(saying, await change());
  });

  it('for a migration that is pending names the command', async () => {
    const empty = await createEmptyDatabase(inject('databaseUrl'));
    try {
      await expectOneSentence(/bridge migrate/, { DATABASE_URL: empty.url });
    } finally {
      await empty.drop();
    }
  });

  it('for a schema that the registry refuses names it', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bridge-e2e-schemas-'));
    const source = path.resolve(import.meta.dirname, '../../schemas');
    try {
      await cp(source, folder, { recursive: true });
      const file = path.join(folder, 'claim.avsc');
      const claim = JSON.parse(await readFile(file, 'utf8')) as { fields: object[] };
      // A field without a default: readers of the new schema could not read what was written before.
      claim.fields.push({ name: 'urgency', type: 'string', doc: 'How urgent it is.' });
      await writeFile(file, JSON.stringify(claim));
      const said = await expectOneSentence(/claim/, { SCHEMAS_DIRS: folder });
      expect(said).toMatch(/urgency|registry/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
