import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Arrival } from '../../../src/apply/apply-batch.ts';
import { createWriterDirectory, refreshWriterDirectory } from '../../../src/apply/writer-directory.ts';
import type { Revision } from '../../../src/domain/revision.ts';
import type { Topology } from '../../../src/ports.ts';

const topology = {
  providers: new Map([
    ['saa', { id: 'saa', writerIds: ['saa'] }],
    ['trust', { id: 'trust', writerIds: ['trust'] }],
  ]),
  routes: new Map([['saa-constat.updated', { providerId: 'saa' }]]),
} as unknown as Topology;

function setup(...rows: (readonly [string, readonly string[]])[]) {
  let reads = 0;
  const table = {
    list: async () => {
      reads += 1;
      return new Map(rows);
    },
  };
  return { directory: createWriterDirectory({ topology, table }), reads: () => reads };
}

const arrival = (revision: Revision, topic = 'saa-constat.updated') =>
  ({ readable: true, topic, event: { meta: { revision } } }) as unknown as Arrival;

describe('the writer directory', () => {
  it('knows what topics.yaml allots, and what the table allots beside it', async () => {
    const { directory } = setup(['saa', ['saa.2']], ['gone', ['gone']]);
    expect(directory.allotted('saa')).toEqual(['saa']);
    await directory.reload();
    expect(directory.allotted('saa')).toEqual(['saa', 'saa.2']);
    expect(directory.allotted('trust')).toEqual(['trust']);
    expect(directory.allotted('nobody')).toEqual([]);
  });

  it('asks again for a writer that it does not know, once a batch', async () => {
    const { directory, reads } = setup(['saa', ['saa', 'saa.2']]);
    await directory.learn([arrival({ saa: 1, eassurance: 2 })]);
    expect(reads()).toBe(0);
    await directory.learn([arrival({ 'saa.2': 1 }), arrival({ 'saa.2': 2 })]);
    expect(reads()).toBe(1);
    expect(directory.allotted('saa')).toEqual(['saa', 'saa.2']);
    await directory.learn([arrival({ 'saa.2': 3 })]);
    expect(reads()).toBe(1);
  });

  it('asks nothing about what cannot be read', async () => {
    const { directory, reads } = setup();
    await directory.learn([{ readable: false } as Arrival]);
    expect(reads()).toBe(0);
  });
});

describe('refreshWriterDirectory', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('reads at once and after every interval', async () => {
    const { directory, reads } = setup();
    const stop = new AbortController();
    const ended = refreshWriterDirectory(directory, { everyMs: 10_000 }).run(stop.signal);
    await vi.advanceTimersByTimeAsync(0);
    expect(reads()).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(reads()).toBe(2);
    stop.abort('stop');
    await expect(ended).rejects.toBe('stop');
  });
});
