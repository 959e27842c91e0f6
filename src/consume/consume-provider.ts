import { BridgeError, TransientError } from '../domain/errors.ts';
import type { HealthCheck, TopicConsumer, WireBatch } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { consumeBatch, newPartitionMemory, type ConsumeDeps } from './consume-batch.ts';
import type { TopicFuses } from './create-topic-fuses.ts';

/** Well within a group member's session. */
const HEARTBEAT_MS = 3_000;

/** One consumer group per provider, shared by all replicas of the bridge. */
export const consumerGroup = (provider: string): string => `eassurance-${provider}`;

/** Failures of a membership that an operator mends, and no restart. */
const OPERATORS = new Set(['KAFKA_UNAUTHENTICATED', 'KAFKA_UNAUTHORISED', 'TOPIC_MISSING']);

export interface ConsumeService extends Service {
  /** Degraded while a partition waits, or stands still on a failure that nothing explains. */
  readonly check: HealthCheck;
  /** Why this partition waits, when that is known and no restart would change it; else null. */
  explain(topic: string, partition: number): string | null;
  /** Why the last run ended, when an operator has to mend it and no restart would; else null. */
  explainAbsence(): string | null;
  /** Ends the run with a TransientError, for its supervisor to start it again; batches in work finish first. */
  restart(why: string): void;
}

/** The inbound side of one provider: its own group member, so that a rebalance, a leaderless partition or a pause of one
 *  insurer touches nobody else. A failure that is neither transient nor explained stops its partition, loudly, until the
 *  partition moves or the bridge restarts: nothing is skipped, and the other partitions go on. Resolves on stop, once the
 *  batches in flight are settled. */
export function consumeProvider(
  provider: string,
  consumer: Pick<TopicConsumer, 'run'>,
  deps: ConsumeDeps & { readonly fuses: Pick<TopicFuses, 'isPaused'> },
): ConsumeService {
  const name = `consume-${provider}`;
  const halted = new Set<string>();
  let memory = newPartitionMemory();
  let attempt = new AbortController();
  let absence: string | null = null;

  const handle = async (batch: WireBatch, signal: AbortSignal): Promise<void> => {
    try {
      if (batch.topic === deps.canary?.topic) await deps.canary.take(batch);
      else await consumeBatch(batch, provider, memory, deps, signal);
    } catch (error) {
      if (error instanceof TransientError) throw error;
      const { topic, partition, records } = batch;
      const offset = records[0]?.offset.toString();
      deps.log.fatal(
        { err: error, topic, partition, offset },
        'a batch failed for no known reason: its partition stops here, nothing is skipped, the others go on',
      );
      deps.metrics.halted(topic);
      halted.add(`${topic}/${partition}`);
      const code =
        error instanceof BridgeError ? error.code : error instanceof Error ? error.name : 'unknown';
      deps.notes.obstacle(topic, partition, { kind: 'halted', code });
      await hold(batch, signal).finally(() => {
        halted.delete(`${topic}/${partition}`);
        deps.notes.obstacle(topic, partition, null);
      });
    }
  };

  return {
    name: `consume ${provider}`,
    check: async () => {
      const waits = [...memory.waiting].map(([partition, why]) => `${partition} waits: ${why}`);
      if (halted.size > 0)
        waits.push(
          `stopped on an unexplained failure: ${[...halted].sort().join(', ')}; see the log, then restart`,
        );
      return waits.length === 0
        ? { name, status: 'up', detail: 'no partition stands still' }
        : { name, status: 'degraded', detail: waits.join('; ') };
    },
    // A halted partition would halt again, and a topic that was stopped stays so: a restart in a loop would only stop the
    // others with them.
    explain: (topic, partition) =>
      deps.fuses.isPaused(topic)
        ? 'its topic stands still until somebody resumes it'
        : halted.has(`${topic}/${partition}`)
          ? 'stopped on an unexplained failure'
          : (memory.waiting.get(`${topic}/${partition}`) ?? null),
    explainAbsence: () => absence,
    restart: (why) => attempt.abort(new TransientError('CONSUMER_STALLED', why)),
    run: async (stopped) => {
      memory = newPartitionMemory();
      attempt = new AbortController();
      const signal = AbortSignal.any([stopped, attempt.signal]);
      try {
        await consumer.run((batch) => handle(batch, signal), signal);
        reach('stop:left');
        if (!stopped.aborted) attempt.signal.throwIfAborted();
      } catch (error) {
        absence = error instanceof TransientError && OPERATORS.has(error.code) ? error.message : null;
        throw error;
      }
    },
  };
}

/** Keeps the partition, unread, until it is taken away or the bridge stops. */
async function hold(batch: WireBatch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !batch.isStale()) {
    await batch.heartbeat();
    await sleep(HEARTBEAT_MS, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
