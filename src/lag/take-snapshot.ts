import { TransientError } from '../domain/errors.ts';
import {
  NO_QUARANTINE,
  unsettledFrom,
  type Obstacle,
  type PartitionSample,
  type QuarantineGrowth,
} from '../domain/lag/sample.ts';
import type { LedgerSample, OldestRecord, Place, TopicRanges, TopicRoute } from '../ports.ts';
import { raceAbort } from '../runtime/sleep.ts';
import type { LagDeps, LagSnapshot } from './lag-deps.ts';
import { readUnread, type UnreadMemory } from './read-unread.ts';

/** What one sampler remembers from snapshot to snapshot: the last that could be read. */
export interface SamplerMemory {
  ledger: LedgerSample | null;
  readonly partitions: Map<string, readonly number[]>;
  readonly unread: UnreadMemory;
}

export const newSamplerMemory = (): SamplerMemory => ({
  ledger: null,
  partitions: new Map(),
  unread: { counted: new Map(), committed: [] },
});

/** Reads everything that lag is judged from. Whatever can't be read is missing in the snapshot, and nothing else is: it
 *  throws for bugs alone. Positions are read before the logs' ends, which only grow: so none can seem to be past its log. */
export async function takeSnapshot(memory: SamplerMemory, deps: LagDeps): Promise<LagSnapshot> {
  const { topology, logs, clock } = deps;
  const routes = [...topology.routes.values()].filter(({ providerId }) => topology.providers.has(providerId));
  const ledger = await orNull(() => raceAbort(deps.ledger.read(), AbortSignal.timeout(deps.ledgerWithinMs)));
  memory.ledger = ledger ?? memory.ledger;
  const ranges = await orNull(() => logs.ranges(routes.map(({ topic }) => topic)));
  const atMs = clock();
  const groups = ranges === null ? null : await logs.groups();
  const positions = memory.ledger?.positions ?? (await readCommitted(groups, deps));
  const unread =
    ranges === null || ledger === null ? new Map() : await readUnread(ranges, groups, memory.unread, deps);
  const oldest = ranges === null ? new Map<Place, OldestRecord>() : await readOldest(ranges, positions, deps);
  const growth = growthByPlace(memory.ledger?.quarantine ?? []);

  const partitions = routes.flatMap((route) =>
    partitionsOf(route, ranges, memory).map((partition) => {
      const place: Place = `${route.topic}/${partition}`;
      const found = oldest.get(place);
      const topicRanges = ranges?.get(route.topic);
      const range = topicRanges?.partitions.get(partition) ?? null;
      const sample: PartitionSample = {
        atMs,
        log:
          range === null || found === undefined
            ? null
            : {
                ...range,
                topicId: topicRanges!.topicId,
                oldest: found.record,
                openTransaction: found.openTransaction,
              },
        position: positions.get(place) ?? null,
        consumed: groups === null ? null : (groups.get(deps.groupOf(route.providerId)) ?? false),
        database: ledger !== null,
        obstacle: obstacleOf(place, route.topic, memory.ledger, deps),
        incident: deps.notes.incidentOf(place),
        quarantine: growth.get(place) ?? NO_QUARANTINE,
      };
      return { provider: route.providerId, topic: route.topic, partition, sample };
    }),
  );
  const shards = new Map((memory.ledger?.outbox ?? []).map((row) => [row.shard, row]));
  const outbox = new Map(
    [...topology.providers.keys()].map((shard) => {
      const { waiting = 0, parked = 0, oldest: first = null } = shards.get(shard) ?? {};
      return [shard, { atMs, waiting, parked, oldest: first, database: ledger !== null }];
    }),
  );
  return {
    atMs,
    database: ledger !== null,
    kafka: ranges !== null,
    partitions,
    outbox,
    unread,
    ledger: memory.ledger,
  };
}

/** A topic that stands still on purpose does so in every process; the rest only the one that consumes knows. */
function obstacleOf(
  place: Place,
  topic: string,
  ledger: LedgerSample | null,
  { notes }: LagDeps,
): Obstacle | null {
  const pause = ledger?.pauses.get(topic);
  if (pause === undefined) return notes.obstacleOf(place);
  return { kind: 'fuse', code: pause.byPerson ? 'PAUSED' : 'FUSE_BLOWN', sinceMs: pause.sinceMs };
}

/** Null when the world is at fault, or too slow. */
async function orNull<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TransientError) return null;
    if (error instanceof DOMException && error.name === 'TimeoutError') return null;
    throw error;
  }
}

/** The group's own offsets, where PostgreSQL never answered: committed after what is durable, so never too far. */
async function readCommitted(
  groups: ReadonlyMap<string, boolean> | null,
  { topology, logs, groupOf }: LagDeps,
): Promise<LedgerSample['positions']> {
  const ours = [...topology.providers.keys()].map(groupOf).filter((group) => groups?.has(group));
  const committed = (await orNull(() => logs.committed(ours))) ?? [];
  return new Map(
    committed.flatMap(({ offsets }) =>
      [...offsets].map(([place, next]) => [place, { next, topicId: '', movedAtMs: 0 }]),
    ),
  );
}

/** Only where something is behind the position; there is nothing to fetch elsewhere. */
async function readOldest(
  ranges: ReadonlyMap<string, TopicRanges>,
  positions: LedgerSample['positions'],
  { logs }: LagDeps,
): Promise<ReadonlyMap<Place, OldestRecord>> {
  const settled: [Place, OldestRecord][] = [];
  const waiting = [...ranges].flatMap(([topic, { topicId, partitions }]) =>
    [...partitions].flatMap(([partition, range]) => {
      if (range === null) return [];
      const place: Place = `${topic}/${partition}`;
      const { from } = unsettledFrom(positions.get(place) ?? null, { topicId, ...range });
      if (from < range.end) return [{ topic, topicId, partition, from, end: range.end }];
      settled.push([place, { record: null, openTransaction: false }]);
      return [];
    }),
  );
  const found = waiting.length === 0 ? null : await orNull(() => logs.oldest(waiting));
  return new Map([...settled, ...(found ?? [])]);
}

function partitionsOf(
  { topic, partitions }: TopicRoute,
  ranges: ReadonlyMap<string, TopicRanges> | null,
  memory: SamplerMemory,
): readonly number[] {
  const seen = ranges?.get(topic);
  if (seen !== undefined) memory.partitions.set(topic, [...seen.partitions.keys()]);
  return memory.partitions.get(topic) ?? Array.from({ length: partitions }, (_, partition) => partition);
}

/** Entries without a partition came over the GET API: they are nobody's partition's. */
function growthByPlace(rows: LedgerSample['quarantine']): ReadonlyMap<Place, QuarantineGrowth> {
  const growth = new Map<Place, QuarantineGrowth>();
  for (const { topic, partition, open, lately, sinceRest } of rows) {
    if (partition === null) continue;
    const place: Place = `${topic}/${partition}`;
    const sum = growth.get(place) ?? NO_QUARANTINE;
    growth.set(place, {
      open: sum.open + open,
      lately: sum.lately + lately,
      sinceRest: sum.sinceRest + sinceRest,
    });
  }
  return growth;
}
