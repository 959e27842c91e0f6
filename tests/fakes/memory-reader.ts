import { formatRevision } from '../../src/domain/revision.ts';
import type { EntityReader, EntityView, HistoryView } from '../../src/ports.ts';
import type { MemoryEntity, MemoryStore } from './memory-store.ts';

/** An EntityReader of what a store in memory has committed. */
export function createMemoryReader(store: MemoryStore): EntityReader {
  const view = (row: MemoryEntity): EntityView => {
    const event = store.tables().events.find(({ eventId }) => eventId === row.eventId)!;
    const { columns: _, ...entity } = row;
    const { conflicts, flags } = store.tables();
    const isOf = (other: { kind: string; entityId: string }) =>
      other.kind === row.kind && other.entityId === row.id;
    return {
      ...entity,
      openConflicts: conflicts.filter((conflict) => conflict.status === 'open' && isOf(conflict)).length,
      flags: flags.filter(isOf).map(({ code }) => code),
      bytes: event.bytes,
      schemaRef: event.schemaRef,
    };
  };
  return {
    find: async (kind, id) => {
      const row = store.entity(kind.name, id);
      return row === undefined ? null : view(row);
    },
    list: async (kind, { providers, after, limit }) =>
      [...store.tables().entities.values()]
        .filter((row) => row.kind === kind.name && (providers === null || providers.includes(row.provider)))
        .map(view)
        .sort((a, b) => a.updatedAtMs - b.updatedAtMs || (a.id < b.id ? -1 : 1))
        .filter(
          ({ updatedAtMs, id }) =>
            after === null ||
            updatedAtMs > after.updatedAtMs ||
            (updatedAtMs === after.updatedAtMs && id > after.id),
        )
        .slice(0, limit),
    history: async (kind, id, before, limit) =>
      store
        .tables()
        .events.map((row, i): HistoryView => {
          return { ...row, sequence: BigInt(i + 1), recordedAtMs: row.occurredAtMs, published: null };
        })
        .filter((row) => row.kind === kind.name && row.entityId === id)
        .filter((row) => before === null || row.sequence < before)
        .reverse()
        .slice(0, limit),
    findRevision: async (kind, id, revision) => {
      const wanted = formatRevision(revision);
      const row = store
        .tables()
        .events.find(
          (event) =>
            event.kind === kind.name && event.entityId === id && formatRevision(event.revision) === wanted,
        );
      return row === undefined || row.bytes.length === 0
        ? null
        : { bytes: row.bytes, schemaRef: row.schemaRef };
    },
  };
}
