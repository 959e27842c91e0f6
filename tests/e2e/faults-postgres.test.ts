import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/start-postgres.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { postConstat, recordConstat } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** The bridge's own PostgreSQL, behind a network that fails, and a role that may run out of connections. */
let bed: Bed;
let insurer: Insurer;
let server: EmbeddedPostgres;
let network: TcpProxy;
let restart: () => Promise<void>;
/** Members of the insurer's group, as the first test found them. */
let members: readonly string[];
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'bridge-faults-'));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const dataDir = path.join(folder, 'postgres');
  server = await startPostgres({ dataDir, password: 'secret' });
  cleanups.push(() => server.stop());
  const { port } = server;
  restart = async () => {
    server = await startPostgres({ dataDir, port, password: 'secret' });
  };
  network = await startTcpProxy({ host: '127.0.0.1', port });
  cleanups.push(() => network.close());
  bed = await setup({
    databaseServer: server.url,
    async bridgeEnv({ DATABASE_URL }) {
      await query(DATABASE_URL!, "create role bridge login password 'secret'");
      for (const what of ['tables', 'sequences'])
        await query(DATABASE_URL!, `grant all on all ${what} in schema public to bridge`);
      const url = new URL(DATABASE_URL!);
      Object.assign(url, { username: 'bridge', password: 'secret', port: String(network.port) });
      return { DATABASE_URL: url.href };
    },
  });
  cleanups.push(() => bed.close());
  insurer = bed.insurers[0]!;
  members = await membersOf(insurer);
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

const membersOf = ({ id }: Insurer) =>
  withKafkaAdmin(async (admin) => {
    const { groups } = await admin.describeGroups([`eassurance-${id}`]);
    return groups[0]!.members.map(({ memberId }) => memberId);
  });

const database = () => new URL(bed.env['DATABASE_URL']!).pathname.slice(1);
const endConnections = () =>
  bed.db.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'bridge'`);
let holder: pg.PoolClient;

interface Fault {
  readonly name: string;
  provoke(): Promise<unknown>;
  mend(): Promise<unknown>;
  /** An edit is refused at once; else it waits, and is settled after the return. */
  readonly refuses: boolean;
  /** Longer than a group member's session in one case: who did not heartbeat would be gone. */
  readonly lastsMs: number;
}

const faults: readonly Fault[] = [
  {
    name: 'stopped',
    provoke: () => server.stop(),
    mend: () => restart(),
    refuses: true,
    lastsMs: 16_000,
  },
  {
    name: 'refusing connections',
    provoke: () => network.refuse(),
    mend: () => network.restore(),
    refuses: true,
    lastsMs: 2_000,
  },
  {
    name: 'silent',
    provoke: async () => network.stall(),
    mend: () => network.restore(),
    refuses: false,
    lastsMs: 4_000,
  },
  {
    name: 'read-only',
    provoke: async () => {
      await bed.db.query(`alter database ${database()} set default_transaction_read_only = on`);
      await endConnections();
    },
    mend: () => bed.db.query(`alter database ${database()} reset default_transaction_read_only`),
    refuses: true,
    lastsMs: 2_000,
  },
  {
    name: 'out of connections',
    provoke: async () => {
      await bed.db.query('alter role bridge connection limit 0');
      await endConnections();
    },
    mend: () => bed.db.query('alter role bridge connection limit -1'),
    refuses: true,
    lastsMs: 2_000,
  },
  {
    name: 'hanging in a statement',
    provoke: async () => {
      holder = await bed.db.connect();
      await holder.query('begin');
      await holder.query('lock table event in exclusive mode');
    },
    mend: () => holder.query('rollback').finally(() => holder.release()),
    refuses: false,
    lastsMs: 2_000,
  },
];

const heldHere = async (id: string) =>
  (await bed.db.query('select from constat where id = $1', [id])).rowCount === 1;
const edit = () => postConstat(bed, { ...insurer.sample.constat(), providerId: insurer.id });

describe('while PostgreSQL is', () => {
  it.each(faults.map((fault) => [fault.name, fault] as const))(
    '%s, events wait, edits are told so, and both go on within 5 s of its return',
    async (_, { provoke, mend, refuses, lastsMs }) => {
      await provoke();
      const brokenAt = Date.now();
      const theirs = await insurer.platform.create('constat', insurer.sample.constat());
      const ours = edit();
      if (refuses) {
        const { status, headers, data } = await ours;
        expect(status).toBe(503);
        expect(Number(headers['retry-after'])).toBeGreaterThan(0);
        expect(data.code).toMatch(/^DATABASE_/);
        await waitFor('it is shown', async () => (await bed.staff.get('/health/ready')).status === 503);
      }
      await waitFor('the outage has lasted', () => Date.now() - brokenAt >= lastsMs);

      await mend();
      const mendedAt = Date.now();
      await waitFor('their event is applied', () => heldHere(theirs.id));
      const { status, data } = refuses ? await edit() : await ours;
      expect(status).toBe(201);
      await insurer.platform.waitFor('constat', data.id, () => true, 10_000);
      expect(Date.now() - mendedAt).toBeLessThan(5_000);
      await waitFor('it is ready', async () => (await bed.staff.get('/health/ready')).status === 200);
    },
  );

  it('away, nothing is quarantined and the group does not rebalance', async () => {
    expect((await bed.db.query('select from quarantine')).rowCount).toBe(0);
    expect(await membersOf(insurer)).toEqual(members);
    expect(members).toHaveLength(1);
  });

  it('read-only, whoever only reads is served', async () => {
    const { id } = await recordConstat(bed, insurer);
    const [, , , readOnly] = faults;
    await readOnly!.provoke();
    try {
      const reader = await bed.apiAs('staff');
      await waitFor('it is shown', async () => (await reader.get('/health/ready')).status === 503);
      expect((await reader.get(`/v1/constats/${id}`)).status).toBe(200);
    } finally {
      await readOnly!.mend();
    }
  });
});
