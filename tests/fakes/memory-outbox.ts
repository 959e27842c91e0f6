import type { Outbox, OutboxItem } from '../../src/ports.ts';
import type { MemoryStore } from './memory-store.ts';

/** The outbox of a store in memory. Nobody else works on it, so it holds no locks and hears no notifications. */
export function createMemoryOutbox(
  store: MemoryStore,
): Pick<Outbox, 'read' | 'acknowledge' | 'park' | 'holds'> {
  const parked = new Set<bigint>();
  return {
    read: async (shard, limit, { except = [] } = {}) => {
      const { outbox, events } = store.tables();
      return outbox
        .filter(
          ({ shard: of, sequence }) => of === shard && !parked.has(sequence) && !except.includes(sequence),
        )
        .slice(0, limit)
        .map(({ sequence, eventId, traceparent }): OutboxItem => {
          const event = events.find((row) => row.eventId === eventId)!;
          const { eventType, provider, origin, entityId, topic, occurredAtMs, bytes } = event;
          return {
            sequence,
            eventId,
            eventType,
            provider,
            origin,
            entityId,
            topic,
            occurredAtMs,
            traceparent,
            bytes,
          };
        });
    },
    acknowledge: (acknowledged) =>
      store.settleOutbox(
        acknowledged.map(({ sequence }) => sequence),
        acknowledged.map(({ eventId, topic, partition, offset, outcome }) => {
          return { eventId, topic, partition, offset, outcome };
        }),
      ),
    park: async (sequence) => void parked.add(sequence),
    holds: async (entityId) => {
      const { outbox, events } = store.tables();
      const ofEntity = new Set(events.filter((row) => row.entityId === entityId).map((row) => row.eventId));
      return outbox.some((row) => ofEntity.has(row.eventId));
    },
  };
}
