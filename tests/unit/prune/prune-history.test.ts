import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import type { EntityHistory, HistoryPruner } from '../../../src/ports.ts';
import { pruneBatch, pruneHistory, type PruneDeps } from '../../../src/prune/prune-history.ts';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;
const constat = { name: 'constat' } as EntityKind;
const claim = { name: 'claim' } as EntityKind;

/** An entity that the provider edited twice, so long ago. */
function history(entityId: string, daysAgo = 200): EntityHistory {
  const event = (n: number) => ({
    ...{ eventId: `${entityId}-${n}`, revision: { saa: n }, received: true, isState: true, waiting: false },
    recordedAtMs: NOW - daysAgo * DAY,
  });
  return { entityId, presentEventId: `${entityId}-2`, events: [event(1), event(2)] };
}

function setup(stored: Readonly<Record<string, readonly EntityHistory[]>>) {
  const emptied: string[] = [];
  const read: string[] = [];
  const pruner: HistoryPruner = {
    async readHistories({ name }, after, limit) {
      read.push(`${name} after ${after}`);
      return (stored[name] ?? [])
        .filter(({ entityId }) => after === null || entityId > after)
        .slice(0, limit);
    },
    async emptyBytes(_kind, eventIds) {
      emptied.push(...eventIds);
      return eventIds.length;
    },
  };
  const lines: Record<string, unknown>[] = [];
  const deps: PruneDeps = {
    pruner,
    kinds: [constat, claim],
    clock: () => NOW,
    log: pino({ base: null }, { write: (line) => void lines.push(JSON.parse(line)) }),
    keepMs: 90 * DAY,
    keepStates: 1,
    batchSize: 2,
    pauseMs: 1_000,
    restMs: 60_000,
  };
  return { deps, emptied, read, lines };
}

describe('pruneBatch', () => {
  it('empties what is old and below the newest received revision, and says where it stopped', async () => {
    const { deps, emptied } = setup({ constat: [history('a'), history('b', 10), history('c')] });
    expect(await pruneBatch(constat, null, deps)).toEqual({ emptied: 1, next: 'b' });
    expect(await pruneBatch(constat, 'b', deps)).toEqual({ emptied: 1, next: null });
    expect(emptied).toEqual(['a-1', 'c-1']);
  });

  it('keeps the last states of an entity', async () => {
    const { deps, emptied } = setup({ constat: [history('a')] });
    await pruneBatch(constat, null, { ...deps, keepStates: 2 });
    expect(emptied).toEqual([]);
  });
});

describe('pruneHistory', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    expect(vi.getTimerCount(), 'timers left behind').toBe(0);
    vi.useRealTimers();
  });

  it('walks through every kind with a pause after each batch, rests, and walks again', async () => {
    const { deps, read, emptied, lines } = setup({
      constat: [history('a'), history('b'), history('c')],
      claim: [history('d')],
    });
    const stop = new AbortController();
    const ended = pruneHistory(deps).run(stop.signal);
    await vi.advanceTimersByTimeAsync(999);
    expect(read).toEqual(['constat after null']);
    await vi.advanceTimersByTimeAsync(1);
    expect(read).toEqual(['constat after null', 'constat after b', 'claim after null']);
    expect(emptied).toEqual(['a-1', 'b-1', 'c-1', 'd-1']);
    expect(lines).toMatchObject([
      { kind: 'constat', emptied: 3 },
      { kind: 'claim', emptied: 1 },
    ]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(read).toHaveLength(4);
    stop.abort('stop');
    await expect(ended).rejects.toBe('stop');
  });

  it('ends when the database is away, for its supervisor to start it again', async () => {
    const { deps } = setup({});
    const away = new TransientError('DATABASE_UNAVAILABLE', 'away');
    const pruner = { ...deps.pruner, readHistories: () => Promise.reject(away) };
    await expect(pruneHistory({ ...deps, pruner }).run(new AbortController().signal)).rejects.toBe(away);
  });
});
