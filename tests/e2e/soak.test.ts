import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, inject, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

it(
  'one minute of random editing on both sides ends with every constat equal and every edit accounted for',
  { timeout: 300_000 },
  async () => {
    const { username, password } = inject('kafkaAdmin');
    const child = spawn(
      process.execPath,
      [path.join(root, 'tests/soak/run-soak.ts'), '--minutes', '1', '--seed', '1'],
      {
        env: {
          ...process.env,
          TEST_DATABASE_URL: inject('databaseUrl'),
          TEST_KAFKA_BROKERS: inject('kafkaBrokers').join(','),
          TEST_KAFKA_ADMIN_USERNAME: username,
          TEST_KAFKA_ADMIN_PASSWORD: password,
          TEST_SCHEMA_REGISTRY_URL: inject('registryUrl'),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, said).toBe(0);
    // It would prove nothing without clashes.
    expect(Number(/merges: (\d+)/.exec(said)?.[1])).toBeGreaterThan(20);
    expect(Number(/conflicts: (\d+)/.exec(said)?.[1])).toBeGreaterThan(5);
    expect(said).toMatch(/ 0 different\n.*unaccounted edits: 0\n/);
  },
);
