import { randomUUID } from 'node:crypto';
import path from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { createPlatform } from '../../src/simulator/create-platform.ts';
import { createSampleData } from '../../src/simulator/sample-data.ts';
import type { Insurer } from './people.ts';
import type { WorldOptions } from './prepare-world.ts';

export interface OpenInsurer extends Insurer {
  /** Its own database. */
  readonly db: pg.Pool;
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

const SCHEMAS = path.resolve(import.meta.dirname, '../../schemas');

/** The simulated insurers, each with a database of its own; they take part once they run. */
export async function openInsurers(
  ids: readonly string[],
  logins: ReadonlyMap<string, Login>,
  { services, seed, insurersDatabaseUrl, clockOf }: WorldOptions,
  cleanup: CleanupStack,
): Promise<readonly OpenInsurer[]> {
  return Promise.all(
    ids.map(async (id, i) => {
      const url = new URL(insurersDatabaseUrl);
      url.pathname = `/platform_${id}`;
      cleanup.defer(`the database of ${id}`, () => dropDatabase(insurersDatabaseUrl, `platform_${id}`));
      const platform = await createPlatform({
        providerId: id,
        databaseUrl: url.href,
        brokers: services.kafkaBrokers,
        sasl: { mechanism: 'scram-sha-256', ...logins.get(id)! },
        registryUrl: services.registryUrl,
        schemasDir: SCHEMAS,
        apiKeys: ['soak'],
        agentKey: randomUUID(),
        port: 0,
        log: pino({ level: 'silent' }),
        ...(clockOf && { now: clockOf(i) }),
      });
      cleanup.defer(`insurer ${id}`, () => platform.stop());
      const db = new pg.Pool({ connectionString: url.href, max: 1 });
      cleanup.defer(`the reader of ${id}`, () => db.end());
      const today = new Date().toISOString().slice(0, 10);
      return { platform, db, sample: createSampleData({ seed: seed + i, providerId: id, today }) };
    }),
  );
}

/** Resolves once they take part; `ended` rejects when one of them can't go on. */
export async function runInsurers(
  insurers: readonly Insurer[],
  cleanup: CleanupStack,
): Promise<{ readonly ended: Promise<never> }> {
  const running = insurers.map(({ platform }) => {
    const stop = new AbortController();
    const run = platform.run(stop.signal);
    cleanup.defer(`${platform.providerId} at work`, async () => {
      stop.abort();
      await run;
    });
    return run;
  });
  await Promise.all(insurers.map(({ platform }, i) => Promise.race([platform.ready, running[i]!])));
  const ended = Promise.race(running).then((): never => {
    throw new Error('an insurer stopped by itself');
  });
  return { ended };
}

async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  await client.end();
}
