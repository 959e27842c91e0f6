import { beforeEach, describe } from 'vitest';
import { createMemoryConflictReader } from '../fakes/memory-conflicts.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import type { MemoryStore } from '../fakes/memory-store.ts';
import { describeStore } from './store-contract.ts';

describe('the store in memory', () => {
  let store: MemoryStore;
  beforeEach(() => {
    store = createMemoryStore();
  });
  describeStore(() => ({
    store,
    conflicts: createMemoryConflictReader(() => store.tables().conflicts),
    flags: async (entityId) => store.tables().flags.filter((flag) => flag.entityId === entityId),
    outbox: async () => store.tables().outbox.map(({ eventId }) => eventId),
    deliveries: async (eventId) =>
      store
        .tables()
        .deliveries.filter((row) => row.eventId === eventId)
        .map(({ outcome }) => outcome),
    blows: async (topic) => store.tables().blows.filter((blow) => blow.topic === topic),
    quarantine: async (topic) =>
      store
        .tables()
        .quarantined.filter((row) => row.topic === topic)
        .map(({ id, code, attempts, how }) => ({ id, code, attempts, how })),
    audit: async (subject) =>
      store
        .tables()
        .audit.filter((entry) => entry.subject === subject)
        .map(({ action }) => action),
  }));
});
