import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import type { Bed } from '../open-bed.ts';
import type { Drained } from './run-bridges.ts';

const program = path.resolve(import.meta.dirname, 'first-loop.ts');

/** On as many of the records as it can do in a fair time. */
export async function runFirstLoop(bed: Bed, events: number): Promise<Drained> {
  const database = await createTestDatabase(bed.services.databaseUrl);
  try {
    const { username, password } = bed.services.kafkaAdmin;
    const child = spawn(process.execPath, [program], {
      env: {
        ...{ PATH: process.env['PATH'], KAFKAJS_NO_PARTITIONER_WARNING: '1', ...bed.env },
        ...{ DATABASE_URL: database.url, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password },
        ...{ GROUP: `first-loop-${Date.now()}`, EVENTS: String(events) },
        TOPICS: ['created', 'updated'].map((action) => `${bed.providerIds[0]}-constat.${action}`).join(','),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const end = () => child.kill();
    bed.signal.addEventListener('abort', end);
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    bed.signal.removeEventListener('abort', end);
    bed.signal.throwIfAborted();
    if (code !== 0) throw new Error(`the first loop ended with ${code}`);
    return { ...(JSON.parse(said) as Omit<Drained, 'resident'>), resident: 0 };
  } finally {
    await database.drop();
  }
}
