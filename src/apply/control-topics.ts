import { MovedError } from '../domain/errors.ts';
import type { SkipTarget } from '../domain/skip-target.ts';
import type {
  PositionSkip,
  Store,
  TopicFuseTable,
  TopicInspector,
  TopicOffsets,
  TopicPause,
  TopicRoute,
  Topology,
} from '../ports.ts';
import { SHARED } from './share-verification.ts';

export interface TopicState {
  readonly topic: string;
  readonly provider: string;
  /** Why it stands still; null while it runs. */
  readonly pause: TopicPause | null;
}

/** What came of it; `refused` with a sentence that names the place and the remedy. */
export type ControlResult =
  | { readonly status: 'done'; readonly skips: readonly PositionSkip[] }
  | { readonly status: 'unknown' }
  | { readonly status: 'refused'; readonly reason: string };

/** The topics as people see and steer them. A change holds for every replica: each looks every few seconds. */
export interface TopicControl {
  /** Every topic that the bridge reads, by name. */
  list(): Promise<readonly TopicState[]>;
  pause(topic: string, by: string, reason: string): Promise<ControlResult>;
  /** Lets a topic that stands still go on: from where it stopped or, when a person says so, from further ahead. What is
   *  left out stays in Kafka until retention takes it, and the audit says who left out what. */
  resume(topic: string, by: string, skipTo: SkipTarget | null): Promise<ControlResult>;
}

export interface ControlDeps {
  readonly topology: Topology;
  readonly table: TopicFuseTable;
  readonly positions: Pick<Store, 'readPosition'>;
  readonly inspector: Pick<TopicInspector, 'topicIds'>;
  readonly offsets: TopicOffsets;
}

export function createTopicControl(deps: ControlDeps): TopicControl {
  const { topology, table } = deps;
  const routes = [...topology.routes.values()].filter(({ providerId }) => providerId !== SHARED);
  const find = (topic: string) => routes.find((route) => route.topic === topic);
  return {
    async list() {
      const still = new Map(
        (await table.latest()).filter(({ resumedAtMs }) => resumedAtMs === null).map((p) => [p.topic, p]),
      );
      return routes
        .map(({ topic, providerId }) => ({ topic, provider: providerId, pause: still.get(topic) ?? null }))
        .sort((a, b) => (a.topic < b.topic ? -1 : 1));
    },
    async pause(topic, by, reason) {
      if (find(topic) === undefined) return { status: 'unknown' };
      if (await table.pause(topic, by, reason)) return { status: 'done', skips: [] };
      return refused(`${topic} stands still already: \`bridge topic list\` says why`);
    },
    async resume(topic, by, skipTo) {
      const route = find(topic);
      if (route === undefined) return { status: 'unknown' };
      const skips = skipTo === null ? [] : await planSkips(route, skipTo, deps);
      if (typeof skips === 'string') return refused(skips);
      try {
        if (await table.resume(topic, by, skips)) return { status: 'done', skips };
      } catch (error) {
        if (!(error instanceof MovedError)) throw error;
        return refused(
          `${error.message}: a batch was still being settled, or somebody was faster. Try again`,
        );
      }
      return refused(
        `${topic} runs already${skips.length > 0 ? '; to skip records, pause it first: `bridge topic pause`' : ''}`,
      );
    },
  };
}

const refused = (reason: string): ControlResult => ({ status: 'refused', reason });

/** The partitions that have to move, each from where it stands; or why that can't be. Only forward: records before the
 *  position are settled already. Partitions that stand there already, or further, are left where they are, unless
 *  somebody named them. */
async function planSkips(
  { topic, partitions }: TopicRoute,
  target: SkipTarget,
  { positions, inspector, offsets }: ControlDeps,
): Promise<readonly PositionSkip[] | string> {
  const named = target.to === 'offsets' ? target.offsets : null;
  const topicId = (await inspector.topicIds([topic])).get(topic);
  if (topicId === undefined)
    return `Kafka has no topic ${topic}: \`bridge topics plan\` says what is missing`;
  const strange = [...(named?.keys() ?? [])].find((partition) => partition >= partitions);
  if (strange !== undefined) return `${topic} has no partition ${strange}: it has 0 to ${partitions - 1}`;

  const [earliest, ends] = [
    await offsets.offsets(topic, partitions, 'earliest'),
    await offsets.offsets(topic, partitions, 'end'),
  ];
  const targets =
    named ?? (target.to === 'instant' ? await offsets.offsets(topic, partitions, target.atMs) : ends);
  const skips: PositionSkip[] = [];
  for (const [partition, to] of targets) {
    const stored = await positions.readPosition(topic, partition);
    // A topic that was made anew is read from its beginning, wherever its namesake stood.
    const from = stored?.topicId === topicId ? stored.next : earliest.get(partition)!;
    const end = ends.get(partition)!;
    if (named && to < from)
      return `${topic}/${partition} stands at ${from} already, and positions only move forward: name an offset from ${from} to ${end}`;
    if (to > end) return `${topic}/${partition} ends at ${end}: name an offset from ${from} to ${end}`;
    if (to > from) skips.push({ partition, topicId, expected: stored?.next ?? null, from, to });
  }
  return skips;
}
