import type { UnreadSample } from '../domain/lag/judge-provider.ts';
import { TransientError } from '../domain/errors.ts';
import { UNREAD_COUNTED, type CommittedOffsets, type Place, type TopicRanges } from '../ports.ts';
import type { LagDeps } from './lag-deps.ts';

interface Counted {
  readonly from: bigint;
  readonly end: bigint;
  readonly count: number;
  readonly oldestAtMs: number | null;
}

export interface UnreadMemory {
  readonly counted: Map<Place, Counted>;
  /** The last that Kafka told. */
  committed: readonly CommittedOffsets[];
}

/** What each provider has not read of ours, by topic, from the offsets that its consumer groups committed: those whose
 *  names begin with its id and a hyphen, as its access rights demand. Of several groups the furthest counts, so that an
 *  abandoned one accuses nobody. Topics of a provider whose groups we may not see are left out. */
export async function readUnread(
  ranges: ReadonlyMap<string, TopicRanges>,
  groups: ReadonlyMap<string, boolean> | null,
  memory: UnreadMemory,
  deps: LagDeps,
): Promise<ReadonlyMap<string, UnreadSample>> {
  try {
    if (groups !== null) {
      const theirs = [...groups.keys()].filter((group) => ownerOf(group, deps) !== null);
      memory.committed = await deps.logs.committed(theirs);
    }
    const visible = await visibleProviders(memory.committed, deps);
    const topics = [...deps.topology.routes.values()]
      .filter(({ providerId }) => visible.has(providerId))
      .flatMap(({ topic, providerId }) => {
        const range = ranges.get(topic);
        return range === undefined ? [] : [{ topic, providerId, partitions: range.partitions }];
      });
    const asked = topics.flatMap(({ topic, providerId, partitions }) =>
      [...partitions].flatMap(([partition, range]) => {
        if (range === null) return [];
        const committed = furthest(`${topic}/${partition}`, providerId, memory.committed);
        const from = committed === null || committed < range.start ? range.start : committed;
        return from < range.end ? [{ topic, partition, from, end: range.end }] : [];
      }),
    );
    const counts = await count(asked, memory.counted, deps);
    return new Map(
      topics.map(({ topic, providerId, partitions }) => {
        const each = [...partitions.keys()].flatMap((partition) => counts.get(`${topic}/${partition}`) ?? []);
        const ages = each.flatMap(({ oldestAtMs }) => (oldestAtMs === null ? [] : [oldestAtMs]));
        const sample: UnreadSample = {
          unread: each.reduce((sum, one) => sum + one.count, 0),
          oldestAtMs: ages.length === 0 ? null : Math.min(...ages),
          groups: readersOf(topic, providerId, memory.committed),
        };
        return [topic, sample];
      }),
    );
  } catch (error) {
    if (error instanceof TransientError) return new Map();
    throw error;
  }
}

const belongsTo = (group: string, provider: string): boolean => group.startsWith(`${provider}-`);

function ownerOf(group: string, { topology }: LagDeps): string | null {
  return [...topology.providers.keys()].find((provider) => belongsTo(group, provider)) ?? null;
}

/** A provider of which no group is seen has none, or hides them. */
async function visibleProviders(
  committed: readonly CommittedOffsets[],
  { topology, logs }: LagDeps,
): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  for (const provider of topology.providers.keys()) {
    const visible =
      committed.some(({ group }) => belongsTo(group, provider)) ||
      (await logs.mayDescribeGroup(`${provider}-`));
    if (visible) seen.add(provider);
  }
  return seen;
}

function furthest(place: Place, provider: string, committed: readonly CommittedOffsets[]): bigint | null {
  return committed
    .filter(({ group }) => belongsTo(group, provider))
    .reduce<bigint | null>((best, { offsets }) => {
      const offset = offsets.get(place);
      return offset === undefined || (best !== null && offset <= best) ? best : offset;
    }, null);
}

function readersOf(
  topic: string,
  provider: string,
  committed: readonly CommittedOffsets[],
): readonly string[] {
  return committed
    .filter(
      ({ group, offsets }) =>
        belongsTo(group, provider) &&
        [...offsets.keys()].some((place) => place.slice(0, place.lastIndexOf('/')) === topic),
    )
    .map(({ group }) => group)
    .toSorted();
}

/** Asks PostgreSQL only about places that have moved, or that were not counted to the limit yet. */
async function count(
  asked: readonly { topic: string; partition: number; from: bigint; end: bigint }[],
  counted: Map<Place, Counted>,
  { ledger }: LagDeps,
): Promise<ReadonlyMap<Place, Counted>> {
  const isKnown = ({ topic, partition, from, end }: (typeof asked)[number]) => {
    const known = counted.get(`${topic}/${partition}`);
    return known?.from === from && (known.end === end || known.count === UNREAD_COUNTED);
  };
  const unknown = asked.filter((one) => !isKnown(one));
  const fresh = await ledger.unread(unknown);
  for (const { topic, partition, from, end } of unknown) {
    const place: Place = `${topic}/${partition}`;
    const { count: number = 0, oldestAtMs = null } = fresh.get(place) ?? {};
    counted.set(place, { from, end, count: number, oldestAtMs });
  }
  return new Map(
    asked.map(({ topic, partition }) => {
      const place: Place = `${topic}/${partition}`;
      return [place, counted.get(place)!];
    }),
  );
}
