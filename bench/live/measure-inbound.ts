import kafkajs from 'kafkajs';
import { createCleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { composeLoad } from '../drain/compose-load.ts';
import { checkEnding, lastSequence } from '../drain/check-ending.ts';
import type { Bed } from '../open-bed.ts';
import { insurerKafka } from './insurer-kafka.ts';
import type { Latencies } from './latencies.ts';
import type { LiveBridge } from './open-bridge.ts';
import { pace } from './pace.ts';
import { quantile } from './quantile.ts';
import { watchPositions } from './watch-positions.ts';

export interface SteadyLoad {
  readonly perSecond: number;
  readonly seconds: number;
  /** Not counted. */
  readonly warmUpSeconds: number;
}

const SETTLED_WITHIN_MS = 30_000;

interface Sent {
  readonly at: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** From just before the insurer's `send` of one event to its commit here, seen by another session's reading of the
 *  positions; every event is waited for, and every row held against what the insurer reckons. */
export async function measureInbound(bed: Bed, bridge: LiveBridge, options: SteadyLoad): Promise<Latencies> {
  const { perSecond, seconds, warmUpSeconds } = options;
  const { signal } = bed;
  const count = perSecond * (warmUpSeconds + seconds);
  const load = await composeLoad(count, bed.providerIds[0]!, bed.services.registryUrl, signal);
  const cleanup = createCleanupStack();
  try {
    const producer = insurerKafka(bed).producer({
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    cleanup.defer('the producer', () => producer.disconnect());
    const before = await lastSequence(bridge.db);
    const positions = watchPositions(bridge.db);
    cleanup.defer('the watch', positions.stop);

    const cpu = await bridge.cpuMs();
    const sending: Promise<Sent>[] = [];
    const lateMs = await pace({ count, perSecond, signal }, (index) => {
      const { topic, key, value } = load.records[index]!;
      const at = performance.now();
      const sent = producer.send({ topic, acks: -1, messages: [{ key, value }] });
      sending.push(
        sent.then(([ack]) => ({ at, topic, partition: ack!.partition, offset: Number(ack!.baseOffset) })),
      );
    });
    const sent = await Promise.all(sending);
    await positions.until(count, SETTLED_WITHIN_MS);
    const used = ((await bridge.cpuMs()) - cpu) / count;
    await checkEnding(bridge.db, load, before);
    const values = sent
      .slice(perSecond * warmUpSeconds)
      .map(({ at, topic, partition, offset }) => positions.passedAt(topic, partition, offset) - at);
    const between = positions.pollsMs();
    return {
      name: `insurer's send to visible here, ${perSecond}/s`,
      values,
      note: `${used.toFixed(2)} ms CPU of the bridge each, looked at every ${quantile(between, 0.5).toFixed(1)} ms (p99 ${quantile(between, 0.99).toFixed(1)}), sent at most ${lateMs.toFixed(0)} ms late`,
    };
  } finally {
    await cleanup.unwind();
  }
}
