import { HUB } from '../../src/domain/event.ts';
import type { EntityHistory, HistoryPruner } from '../../src/ports.ts';
import type { MemoryStore } from './memory-store.ts';

/** Pruning in a store in memory. */
export function createMemoryPruner(store: MemoryStore): HistoryPruner {
  return {
    async readHistories(kind, after, limit) {
      const { entities, events, outbox } = store.tables();
      const waiting = new Set(outbox.map(({ eventId }) => eventId));
      return [...entities.values()]
        .filter((entity) => entity.kind === kind.name && (after === null || entity.id > after))
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
        .map((entity): EntityHistory => {
          const held = events.filter(
            (event) => event.entityId === entity.id && event.bytes.length > 0 && entity.seal === null,
          );
          return {
            entityId: entity.id,
            presentEventId: entity.eventId,
            events: held.map(({ eventId, revision, source, origin, outcome, occurredAtMs }) => ({
              eventId,
              revision,
              received: (source === 'topic' || source === 'pull') && origin !== HUB,
              isState: outcome === 'applied' || outcome === 'merged',
              waiting: waiting.has(eventId),
              recordedAtMs: occurredAtMs,
            })),
          };
        });
    },
    emptyBytes: (_kind, eventIds) => store.emptyBytes(eventIds),
  };
}
