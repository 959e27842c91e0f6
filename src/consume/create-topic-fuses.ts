import pLimit from 'p-limit';
import type { FuseVerdict, TopicFuse } from '../apply/apply-in-turn.ts';
import { countCodes, readFuse, type FuseRule, type FuseSign } from '../domain/topic-fuse.ts';
import type { HealthCheck, Log, Metrics, TopicFuseTable, TopicPause, WireBatch } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { createWake } from '../runtime/wake.ts';
import { describePause, listCodes, resumeCommand } from '../domain/describe-pause.ts';

/** Well within a group member's session. */
const HEARTBEAT_MS = 3_000;

export interface TopicFuses {
  /** The fuse of one topic. */
  of(topic: string): TopicFuse;
  isPaused(topic: string): boolean;
  /** Waits while the batch's topic stands still, its membership kept alive; true when it had to wait: positions may have
   *  been moved meanwhile, so the batch is to be fetched again. Resolves too when the partition is taken away or `signal`
   *  aborts. */
  hold(batch: WireBatch, signal: AbortSignal): Promise<boolean>;
  /** Reads again which topics stand still. */
  reload(): Promise<void>;
  /** Degraded while one stands still. */
  readonly check: HealthCheck;
}

/** One fuse per topic. What was counted is this process's own and starts empty; that a topic stands still is in
 *  PostgreSQL, for all replicas, and outlives them.
 *
 *  A topic goes on until its fuse blows (in the transaction of the batch that trips it), another replica's does, or a
 *  person pauses it; then it stands still until a person resumes it, and its window starts empty. What this process has
 *  just written stands until a look at the table that began later has confirmed it. */
export function createTopicFuses(deps: {
  readonly table: Pick<TopicFuseTable, 'latest'>;
  readonly topics: readonly string[];
  readonly rule: FuseRule;
  readonly metrics: Pick<Metrics, 'fuseBlown'>;
  readonly log: Log;
}): TopicFuses {
  const { table, topics, rule, metrics, log } = deps;
  const windows = new Map<string, readonly FuseSign[]>();
  const turns = new Map(topics.map((topic) => [topic, pLimit(1)]));
  const paused = new Map<string, TopicPause>();
  const blownHere = new Set<string>();
  const latest = new Map<string, string>();
  const wake = createWake();
  const reloading = pLimit(1);
  for (const topic of topics) metrics.fuseBlown(topic, false);

  const isPaused = (topic: string) => paused.has(topic) || blownHere.has(topic);
  const windowOf = (topic: string) => windows.get(topic) ?? [];

  const fuseOf = (topic: string): TopicFuse => ({
    takeTurn: () =>
      new Promise((taken) => void turns.get(topic)!(() => new Promise<void>((end) => taken(end)))),
    judge(signs): FuseVerdict {
      if (isPaused(topic)) return { settles: 0, blown: null };
      const { window, tripsAt } = readFuse(windowOf(topic), signs, rule);
      if (tripsAt === null) return { settles: signs.length, blown: null };
      return { settles: tripsAt + 1, blown: { counted: window.length, codes: countCodes(window) } };
    },
    passed: (signs) => void windows.set(topic, readFuse(windowOf(topic), signs, rule).window),
    blew({ counted, codes, samples }) {
      blownHere.add(topic);
      windows.delete(topic);
      metrics.fuseBlown(topic, true);
      log.error(
        { code: 'FUSE_BLOWN', topic, counted, codes, samples },
        `topic ${topic} has stopped: ${listCodes(codes)} among its last ${counted} records. See \`bridge quarantine list --topic ${topic}\`, have it mended, then type \`${resumeCommand(topic)}\``,
      );
    },
  });

  /** Brings what is known of one topic to what the table says. */
  const adopt = (pause: TopicPause) => {
    const { topic, id, resumedAtMs } = pause;
    const isNews = latest.get(topic) !== id || paused.has(topic) !== (resumedAtMs === null);
    if (!isNews) return;
    latest.set(topic, id);
    windows.delete(topic);
    metrics.fuseBlown(topic, resumedAtMs === null);
    if (resumedAtMs === null) {
      paused.set(topic, pause);
      if (!blownHere.has(topic)) log.warn({ topic, by: pause.by }, describePause(pause));
    } else if (paused.delete(topic)) {
      log.info({ topic }, 'the topic goes on');
    }
  };

  return {
    of: fuseOf,
    isPaused,
    async hold(batch, signal) {
      if (!isPaused(batch.topic)) return false;
      while (isPaused(batch.topic) && !signal.aborted && !batch.isStale()) {
        await batch.heartbeat();
        await wake.wait(HEARTBEAT_MS, signal);
      }
      return true;
    },
    reload: () =>
      reloading(async () => {
        const written = [...blownHere];
        for (const pause of await table.latest()) adopt(pause);
        for (const topic of written) blownHere.delete(topic);
        wake.wake();
      }),
    check: async () => {
      const still = [...new Set([...paused.keys(), ...blownHere])].sort();
      if (still.length === 0) return { name: 'topics', status: 'up', detail: 'no topic stands still' };
      const detail = still.map((topic) => {
        const pause = paused.get(topic);
        return pause
          ? describePause(pause)
          : `${topic} has just stopped (FUSE_BLOWN); \`${resumeCommand(topic)}\` lets it go on`;
      });
      return { name: 'topics', status: 'degraded', detail: detail.join('; ') };
    },
  };
}

/** Looks every `everyMs` which topics stand still: how long another replica may take to notice. */
export function watchTopicFuses(
  fuses: Pick<TopicFuses, 'reload'>,
  deps: { readonly everyMs: number },
): Service {
  return {
    name: 'topic-fuses',
    async run(signal) {
      while (!signal.aborted) {
        await fuses.reload();
        await sleep(deps.everyMs, signal);
      }
    },
  };
}
