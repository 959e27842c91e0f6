/** The loop that a team writes first: every message by itself, decoded through the registry, one upsert through Prisma.
 *  A program of its own; its settings are the environment's, and it prints one line of JSON. */
import registry from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';
import { createPool } from '../../src/postgres/create-pool.ts';
import { createPrisma } from '../../src/postgres/create-prisma.ts';

const env = process.env as Record<string, string>;
const events = Number(env['EVENTS']);
const { SchemaRegistry } = registry;
const decoder = new SchemaRegistry({ host: env['SCHEMA_REGISTRY_URL']! });
const pool = createPool({ databaseUrl: env['DATABASE_URL']!, max: 5, onError: () => {} });
const prisma = createPrisma(pool);
const kafka = new kafkajs.Kafka({
  brokers: env['KAFKA_BROKERS']!.split(','),
  sasl: {
    mechanism: 'scram-sha-256',
    username: env['KAFKA_SASL_USERNAME']!,
    password: env['KAFKA_SASL_PASSWORD']!,
  },
  logLevel: kafkajs.logLevel.NOTHING,
});
const consumer = kafka.consumer({ groupId: env['GROUP']! });
await consumer.connect();
await consumer.subscribe({ topics: env['TOPICS']!.split(','), fromBeginning: true });

interface Decoded {
  readonly meta: Record<string, unknown>;
  readonly constat: Record<string, unknown>;
}
let done = 0;
let start: { readonly at: number; readonly cpu: NodeJS.CpuUsage } | undefined;
const finished = Promise.withResolvers<void>();
await consumer.run({
  eachMessage: async ({ message }) => {
    start ??= { at: performance.now(), cpu: process.cpuUsage() };
    const event = (await decoder.decode(message.value!).catch(() => null)) as Decoded | null;
    if (event !== null) {
      const { meta, constat } = event;
      const row = {
        eventId: meta['eventId'] as string,
        digest: Buffer.alloc(0),
        provider: meta['providerId'] as string,
        createdBy: constat['createdBy'] as string,
        status: constat['status'] as string,
        revision: meta['revision'] as object,
        // The state itself: this loop keeps no event to point at.
        violations: JSON.parse(JSON.stringify(constat)) as object,
      };
      const id = meta['entityId'] as string;
      await prisma.constat.upsert({ where: { id }, create: { id, ...row }, update: row });
    }
    if (++done === events) finished.resolve();
  },
});
await finished.promise;
const seconds = (performance.now() - start!.at) / 1_000;
const { user, system } = process.cpuUsage(start!.cpu);
console.log(JSON.stringify({ perSecond: events / seconds, cpuPer1000: (user + system) / events }));
await consumer.disconnect();
await pool.end();
