import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, it } from 'vitest';

const program = path.resolve(import.meta.dirname, '../chaos/run-chaos.ts');

it(
  'two minutes of killed bridges, restarted services, poison and duplicates lose nothing, do nothing twice and leave both sides equal',
  { timeout: 480_000 },
  async () => {
    // On services of its own: it takes them away.
    const child = spawn(process.execPath, [program, '--minutes', '2', '--seed', '1'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, said).toBe(0);
    for (const promise of ['lost', 'effects twice', 'sides that differ'])
      expect(said).toContain(`chaos: ${promise}: 0\n`);
    // It would prove nothing without any of these.
    for (const what of [
      'a bridge killed',
      'PostgreSQL restarted (immediate)',
      'Kafka',
      'quarantined UNDECODABLE',
      'merged',
    ])
      expect(said).toContain(what);
  },
);
