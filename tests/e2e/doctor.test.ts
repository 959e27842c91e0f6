import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort } from '../support/free-port.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { createEmptyDatabase } from '../support/test-database.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed } from './setup.ts';

interface Finding {
  readonly name: string;
  readonly status: 'pass' | 'warn' | 'fail';
  readonly sentence: string;
  readonly fix: string | null;
}

/** One healthy world; each test breaks one thing of it and mends it again. */
let bed: Bed;
let id: string;
let folder: string;
beforeAll(async () => {
  bed = await setup();
  id = bed.insurers[0]!.id;
  folder = await mkdtemp(path.join(tmpdir(), 'bridge-e2e-doctor-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await bed.close();
});

async function examine(change: Readonly<Record<string, string>> = {}) {
  const child = runBridge(['doctor', '--json'], { ...bed.env, ...change });
  const code = await child.exited;
  if (child.stderr() !== '') throw new Error(child.stderr());
  return { code, findings: JSON.parse(child.stdout()) as readonly Finding[], printed: child.stdout() };
}

/** That exactly these checks fail, with these words; the rest is as in a healthy world. */
async function expectFailure(
  change: Readonly<Record<string, string>>,
  name: string,
  sentence: RegExp,
  fix: RegExp,
): Promise<readonly Finding[]> {
  const { code, findings } = await examine(change);
  const failed = findings.filter(({ status }) => status === 'fail');
  expect(failed.map((finding) => finding.name)).toEqual([name]);
  expect(failed[0]!.sentence).toMatch(sentence);
  expect(failed[0]!.fix).toMatch(fix);
  expect(code).toBe(2);
  return findings;
}

describe('`bridge doctor`', () => {
  it('finds nothing wrong where nothing is, and changes nothing', async () => {
    // Other tests make groups of their own meanwhile; this user may use none but its insurer's.
    const groups = () =>
      withKafkaAdmin(async (admin) =>
        (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter((name) => name.includes(id)),
      );
    const before = await groups();
    const { code, findings, printed } = await examine();
    expect(findings.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(code).toBe(0);
    expect(new Set(findings.map(({ name }) => name))).toEqual(
      new Set([
        ...['topics.yaml', 'node', 'disk', 'settings', 'providers', `provider-api-${id}`],
        ...['postgres', 'postgres-role', 'migrations', 'postgres-clock'],
        ...['kafka', 'kafka-topics', 'kafka-acls', 'kafka-groups', 'kafka-plan'],
        ...['registry', 'schemas', 'registry-clock'],
      ]),
    );
    expect(await groups()).toEqual(before);
    const { DATABASE_URL, KAFKA_SASL_PASSWORD, EVENT_SIGNING_KEY } = bed.env;
    for (const secret of [new URL(DATABASE_URL!).password, KAFKA_SASL_PASSWORD!, EVENT_SIGNING_KEY!])
      expect(printed).not.toContain(secret);
  });

  it('prints a line each for people, and a sum', async () => {
    const child = runBridge(['doctor'], bed.env);
    expect(await child.exited).toBe(0);
    expect(child.stdout()).toMatch(/^✓ migrations {2,}All \d+ are applied\.$/m);
    expect(child.stdout().trim()).toMatch(/\d+ passed, \d+ to look at, 0 failed\.$/);
  });

  it('names a missing topic', async () => {
    const file = path.join(folder, 'one-more.yaml');
    const topics = parse(await readFile(bed.env['TOPICS_FILE']!, 'utf8')) as {
      providers: Record<string, object>;
    };
    const [known] = Object.values(topics.providers);
    topics.providers['newcomer'] = { ...known, user: 'newcomer', writerIds: ['newcomer'] };
    await writeFile(file, stringify(topics));
    const of = (findings: readonly Finding[], name: string) =>
      findings.filter((finding) => finding.name === name).map(({ sentence }) => sentence);

    // Who may not even see a topic can't tell whether it exists.
    const { findings: unseen } = await examine({ TOPICS_FILE: file });
    expect(of(unseen, 'kafka-acls')).toContain(
      "The bridge's user may not Read, Write, Describe on the topic newcomer-policy.updated.",
    );
    const admin = inject('kafkaAdmin');
    const { code, findings } = await examine({
      TOPICS_FILE: file,
      KAFKA_SASL_USERNAME: admin.username,
      KAFKA_SASL_PASSWORD: admin.password,
    });
    expect(code).toBe(2);
    expect(of(findings, 'kafka-topics')).toContain('The topic newcomer-policy.updated is missing.');
  });

  it('names a right that the user lacks', async () => {
    const rule = {
      resourceType: 2,
      resourceName: `${id}-constat.updated`,
      resourcePatternType: 3,
      principal: `User:${bed.env['KAFKA_SASL_USERNAME']}`,
      host: '*',
      operation: 4,
      permissionType: 3,
    };
    await withKafkaAdmin((admin) => admin.deleteAcls({ filters: [rule] }));
    try {
      await expectFailure(
        {},
        'kafka-acls',
        new RegExp(`may not Write on the topic ${id}-constat\\.updated`),
        /bridge topics apply/,
      );
    } finally {
      await withKafkaAdmin((admin) => admin.createAcls({ acl: [rule] }));
    }
  });

  it('names a group that the user may not join, and the rights that it lacks', async () => {
    const { username, password } = bed.insurers[0]!.login;
    const { code, findings } = await examine({
      KAFKA_SASL_USERNAME: username,
      KAFKA_SASL_PASSWORD: password,
    });
    expect(code).toBe(2);
    expect(findings).toContainEqual({
      name: 'kafka-groups',
      status: 'fail',
      sentence: `The bridge's user may not read in the groups eassurance-${id}.`,
      fix: 'as a Kafka administrator: bridge topics apply',
    });
    expect(findings.find(({ name }) => name === 'kafka-plan')?.sentence).toContain('belongs to two parties');
    expect(findings).toContainEqual(
      expect.objectContaining({
        name: 'kafka-acls',
        sentence: "The bridge's user may not Write on the topic shared-vehicle.verified.",
      }),
    );
  });

  const cases: readonly (readonly [
    string,
    () => Promise<Record<string, string>>,
    () => string,
    RegExp,
    RegExp,
  ])[] = [
    [
      'a wrong Kafka password',
      async () => ({ KAFKA_SASL_PASSWORD: 'geheim' }),
      () => 'kafka',
      /Kafka refuses the user or its password/,
      /KAFKA_SASL_PASSWORD/,
    ],
    [
      'no Kafka',
      async () => ({ KAFKA_BROKERS: `127.0.0.1:${await freePort()}` }),
      () => 'kafka',
      /does not answer \(KAFKA_UNAVAILABLE\)/,
      /KAFKA_BROKERS/,
    ],
    [
      'a wrong database password',
      async () => {
        const url = new URL(bed.env['DATABASE_URL']!);
        url.password = 'geheim';
        return { DATABASE_URL: url.href };
      },
      () => 'postgres',
      /refuses the user or its password/,
      /DATABASE_URL/,
    ],
    [
      'no registry',
      async () => ({ SCHEMA_REGISTRY_URL: `http://127.0.0.1:${await freePort()}` }),
      () => 'registry',
      /does not answer \(REGISTRY_UNAVAILABLE\)/,
      /SCHEMA_REGISTRY_URL/,
    ],
    [
      'a key that the insurer refuses',
      async () => ({ [`PROVIDER_${id.toUpperCase()}_API_KEY`]: 'geheim' }),
      () => `provider-api-${id}`,
      /PROVIDER_UNAUTHORISED/,
      /live key/,
    ],
    [
      'an insurer that is away',
      async () => ({ [`PROVIDER_${id.toUpperCase()}_API_URL`]: `http://127.0.0.1:${await freePort()}` }),
      () => `provider-api-${id}`,
      /PROVIDER_UNAVAILABLE/,
      /_API_URL/,
    ],
    [
      'a short signing key',
      async () => ({ EVENT_SIGNING_KEY: 'geheim' }),
      () => 'settings',
      /EVENT_SIGNING_KEY is not a key of at least 32 bytes/,
      /openssl rand/,
    ],
    [
      'a topics.yaml that is not there',
      async () => ({ TOPICS_FILE: '/nowhere/topics.yaml' }),
      () => 'topics.yaml',
      /topics\.yaml/,
      /correct/,
    ],
  ];
  it.each(cases)('says of %s what it is and how to mend it', async (_what, change, name, sentence, fix) => {
    const findings = await expectFailure(await change(), name(), sentence, fix);
    expect(JSON.stringify(findings)).not.toContain('geheim');
  });

  it('names the migrations that a database lacks', async () => {
    const empty = await createEmptyDatabase(inject('databaseUrl'));
    try {
      await expectFailure(
        { DATABASE_URL: empty.url },
        'migrations',
        /The database lacks 2025/,
        /^bridge migrate$/,
      );
    } finally {
      await empty.drop();
    }
  });

  it('warns of settings for an insurer that topics.yaml does not have', async () => {
    const { code, findings } = await examine({
      PROVIDER_GHOST_API_URL: 'http://127.0.0.1:1',
      PROVIDER_GHOST_API_KEY: 'geheim',
    });
    expect(code).toBe(0);
    expect(findings).toContainEqual({
      name: 'providers',
      status: 'warn',
      sentence: 'PROVIDER_GHOST_… is set, but topics.yaml has no provider ghost: it is ignored.',
      fix: 'correct the name, or add ghost to topics.yaml',
    });
  });
});
