import { beforeEach, describe } from 'vitest';
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
    outbox: async () => store.tables().outbox.map(({ eventId }) => eventId),
    deliveries: async (eventId) =>
      store
        .tables()
        .deliveries.filter((row) => row.eventId === eventId)
        .map(({ outcome }) => outcome),
    quarantine: async (topic) =>
      store
        .tables()
        .quarantined.filter((row) => row.topic === topic)
        .map(({ code, attempts }) => ({ code, attempts })),
  }));
});
