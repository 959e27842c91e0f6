import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Producer } from 'kafkajs';
import type { Random } from '../simulation/random.ts';
import type { PreparedWorld, WorldInsurer } from '../soak/prepare-world.ts';

/** A record of ours that Kafka acknowledged. */
export interface Noise {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly poison: boolean;
}

interface Sent {
  readonly topic: string;
  readonly record_id: string;
  readonly value: Buffer;
  readonly headers: Record<string, string>;
}

/** One record of a thousand is poison. */
const POISON = 0.001;
/** The ledger needs some poison in a short run too: each kind once at the start. */
const KINDS = ['cut off', 'unknown schema', 'no event at all'] as const;

/** On the insurers' own topics: what they sent lately comes twice more, in another order, half of it without headers;
 *  and poison between it. */
export async function makeNoise(
  world: Pick<PreparedWorld, 'kafka' | 'insurers'>,
  random: Random,
  signal: AbortSignal,
): Promise<readonly Noise[]> {
  const noise: Noise[] = [];
  const producer = world.kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  const waiting: (typeof KINDS)[number][] = [...KINDS];
  await producer.connect();
  try {
    while (!signal.aborted) {
      await delay(500 + random.below(1_000), undefined, { signal }).catch(() => {});
      const recent = await sentLately(random.pick(world.insurers));
      const again = random.shuffle(recent).slice(0, 1 + random.below(15));
      for (const sent of random.shuffle([...again, ...again])) {
        const headers = random.chance(0.5) ? sent.headers : {};
        await send(producer, { ...sent, headers }, false, noise);
        if (!random.chance(POISON) && waiting.length === 0) continue;
        const kind = waiting.pop() ?? random.pick(KINDS);
        await send(
          producer,
          { ...sent, record_id: randomUUID(), value: spoil(sent.value, kind) },
          true,
          noise,
        );
      }
    }
  } finally {
    await producer.disconnect();
  }
  return noise;
}

/** From the insurer's own notes. */
async function sentLately({ db, topics }: WorldInsurer): Promise<readonly Sent[]> {
  const { rows } = await db.query<Sent>(
    `select topic, record_id, value, headers from outbox
      where sent_at is not null and topic = any($1) order by sequence desc limit 300`,
    [topics],
  );
  return rows;
}

/** Only what was acknowledged counts: the rest may be on the topic or not. */
async function send(producer: Producer, sent: Sent, poison: boolean, noise: Noise[]): Promise<void> {
  const { topic, record_id: key, value, headers } = sent;
  const acknowledged = await producer
    .send({ topic, acks: -1, messages: [{ key, value, headers }] })
    .catch(() => []);
  for (const { partition, baseOffset } of acknowledged)
    noise.push({ topic, partition, offset: baseOffset!, poison });
}

function spoil(value: Buffer, kind: (typeof KINDS)[number]): Buffer {
  // Unlike any before, or it would only be another arrival of the same poison.
  const mark = Buffer.from(randomUUID());
  switch (kind) {
    case 'cut off':
      return Buffer.concat([value.subarray(0, 60), mark.subarray(0, 4)]);
    case 'unknown schema': {
      const spoilt = Buffer.concat([value, mark]);
      spoilt.writeInt32BE(2_000_000_000, 1);
      return spoilt;
    }
    case 'no event at all':
      return mark;
  }
}
