import { TransientError } from '../domain/errors.ts';
import type { Clock, HealthCheck, Log, Store, TopicConsumer, TopicInspector } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { consumerGroup, type ConsumeService } from './consume-provider.ts';
import { findStalls, followProgress, type PartitionSample, type Progress } from './judge-progress.ts';

export interface WatchDeps {
  readonly consumer: Pick<TopicConsumer, 'membership' | 'commitSettled'>;
  readonly service: Pick<ConsumeService, 'explain' | 'explainAbsence' | 'restart'>;
  readonly topics: readonly string[];
  readonly store: Pick<Store, 'readPositions'>;
  readonly inspector: TopicInspector;
  readonly log: Log;
  readonly clock: Clock;
  /** How long a partition may stand still with records waiting. */
  readonly stallAfterMs: number;
}

export interface WatchService extends Service {
  /** Down, with the partition's name, once it has stood still for `stallAfterMs`: a restart of the bridge is due. */
  readonly check: HealthCheck;
}

/** After this share of the time the consumer alone is started again: mostly that is enough, and nobody else notices. */
const RESTART_AFTER = 2 / 3;
const SAMPLES = 10;

/** Watches that what comes in on one provider's topics is settled, by what PostgreSQL and the brokers say and not by what
 *  the consumer believes. What stands still for no known reason is started again after two thirds of `stallAfterMs`, and
 *  fails the liveness after all of it. While Kafka or PostgreSQL can't be asked nothing is judged: a restart of the
 *  bridge would not bring them back, and their own checks tell. Also commits to the group what is settled and was not
 *  committed, so that its offsets tell the truth where nothing new comes. */
export function watchProgress(provider: string, deps: WatchDeps): WatchService {
  const { stallAfterMs, clock, log } = deps;
  const name = `progress-${provider}`;
  const group = consumerGroup(provider);
  const everyMs = stallAfterMs / SAMPLES;
  let progress: Progress | null = null;
  let unknown = 'not looked at yet';
  let restarted = false;

  const look = async (): Promise<void> => {
    const sample = await takeSample(group, deps);
    progress = followProgress(progress, { atMs: clock(), ...sample }, stallAfterMs / 2);
    const [stall] = findStalls(progress, group, stallAfterMs * RESTART_AFTER);
    if (stall === undefined) restarted = false;
    else if (!restarted) {
      restarted = true;
      const since = new Date(stall.sinceMs).toISOString();
      log.error({ since }, `${stall.what}, and nothing explains it: its consumer starts again`);
      deps.service.restart(`${stall.what} since ${since}`);
    }
  };

  return {
    name: `watch ${provider}`,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await look();
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          progress = null;
          unknown = error.message;
        }
        await sleep(everyMs, signal);
      }
    },
    check: async () => {
      if (progress === null) return { name, status: 'degraded', detail: `can not be judged: ${unknown}` };
      const stalls = findStalls(progress, group, stallAfterMs);
      const detail = stalls.map(({ what, sinceMs }) => `${what} since ${new Date(sinceMs).toISOString()}`);
      return stalls.length > 0
        ? { name, status: 'down', detail: `${detail.join('; ')}; see the log, then restart` }
        : { name, status: 'up', detail: 'what comes in is settled' };
    },
  };
}

/** Everything that is held, from outside: ends from the brokers, positions from PostgreSQL, membership from the group's
 *  coordinator. A partition whose leader can't be asked waits for it, which explains it. */
async function takeSample(group: string, { consumer, service, topics, store, inspector }: WatchDeps) {
  const membership = consumer.membership();
  const [members, ends, topicIds, positions] = await Promise.all([
    inspector.groupMembers(group),
    inspector.endOffsets(topics),
    inspector.topicIds(topics),
    store.readPositions(topics),
  ]);
  const partitions = new Map<string, PartitionSample>();
  const settled = [];
  for (const { topic, partition, emptyTo } of membership?.partitions ?? []) {
    const end = ends.get(topic)?.get(partition);
    if (end === undefined) continue;
    const position = positions.find((at) => at.topic === topic && at.partition === partition);
    // A topic that was made anew starts over.
    const applied = position?.topicId === topicIds.get(topic) ? position?.next : undefined;
    let reached = max(applied ?? 0n, emptyTo ?? 0n);
    if (reached === end && end > 0n) settled.push({ topic, partition, next: end });
    // What retention has deleted does not wait.
    if (reached < end) reached = max(reached, await inspector.earliestOffset(topic, partition));
    const explained = service.explain(topic, partition);
    partitions.set(`${topic}/${partition}`, { settled: reached, end, explained });
  }
  // Not waited for: its connection may be the one that hangs.
  void consumer.commitSettled(settled);
  const joined = membership === null ? service.explainAbsence() !== null : members.has(membership.memberId);
  return { joined, partitions };
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
