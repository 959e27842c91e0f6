import { EMPTY_PLAN } from '../../src/apply/empty-plan.ts';
import { digestOf } from '../../src/domain/canonical.ts';
import type { EntityWrite, EventRow, WritePlan } from '../../src/ports.ts';
import { createPool } from '../../src/postgres/create-pool.ts';
import { createStore } from '../../src/postgres/create-store.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import type { Bed } from '../open-bed.ts';
import type { Load, LoadRecord } from './compose-load.ts';
import type { Drained } from './run-bridges.ts';

const BATCH = 1_000;
/** As many as one process of the bridge has batches in work. */
const CONNECTIONS = 3;

export type OwnEvent = NonNullable<LoadRecord['event']> & Pick<LoadRecord, 'topic' | 'value'>;

/** The bridge's own tables and statements with rows decoded and judged beforehand: no broker, no reading, no rules. Each
 *  connection has the entities of its own lane, so that none waits for another. */
export async function fillOwnLayout(bed: Bed, load: Load, batch = BATCH): Promise<Drained> {
  const lanes = toLanes(bed, load, batch);
  const database = await createTestDatabase(bed.services.databaseUrl);
  const pool = createPool({ databaseUrl: database.url, max: CONNECTIONS, onError: () => {} });
  const store = createStore({ pool });
  try {
    const cpu = process.cpuUsage();
    const start = performance.now();
    await Promise.all(
      lanes.map(async (plans) => {
        for (const plan of plans) {
          bed.signal.throwIfAborted();
          await store.transaction((tx) => tx.write(plan));
        }
      }),
    );
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuPer1000 = (user + system) / load.distinctEvents;
    return { perSecond: load.distinctEvents / seconds, cpuPer1000, resident: process.memoryUsage.rss() };
  } finally {
    await pool.end();
    await database.drop();
  }
}

function toLanes(bed: Bed, load: Load, batch: number): readonly (readonly WritePlan[])[] {
  const distinct = new Map<string, OwnEvent>();
  for (const { event, topic, value } of load.records) {
    if (event !== null) distinct.set(event.eventId, { ...event, topic, value });
  }
  const lanes = Array.from({ length: CONNECTIONS }, (): OwnEvent[] => []);
  for (const event of distinct.values())
    lanes[parseInt(event.entityId.slice(0, 6), 16) % CONNECTIONS]!.push(event);
  return lanes.map((lane) => {
    const written = new Map<string, number>();
    return Array.from({ length: Math.ceil(lane.length / batch) }, (_, i) =>
      toPlan(bed, lane.slice(i * batch, (i + 1) * batch), written),
    );
  });
}

/** What a batch writes when all its events are applied; `written` knows the last counter of each entity before it. */
export function toPlan(
  bed: Bed,
  events: readonly OwnEvent[],
  written: Map<string, number>,
  writer = bed.providerIds[0]!,
): WritePlan {
  const [provider] = bed.providerIds as [string];
  const source = writer === provider ? 'topic' : 'api';
  const place = (i: number) =>
    writer === provider ? { partition: 0, offset: BigInt(i) } : { partition: null, offset: null };
  const kind = bed.topology.kinds.get('constat')!;
  const rows = events.map((event, i): EventRow => {
    const { eventId, entityId, counter, state, topic, value } = event;
    return {
      ...{ eventId, entityId, kind: kind.name, provider, eventType: topic.slice(provider.length + 1) },
      ...{ origin: writer, source, topic, ...place(i), author: writer },
      ...{ revision: { [writer]: counter }, digest: digestOf(state, kind.shape), outcome: 'applied' },
      ...{ occurredAtMs: 0, schemaRef: 1, bytes: value },
    };
  });
  const last = new Map(rows.map((row, i) => [row.entityId, { row, state: events[i]!.state }]));
  const entities = [...last.values()].map(({ row, state }): EntityWrite => {
    const before = written.get(row.entityId);
    written.set(row.entityId, row.revision[writer]!);
    return {
      kind,
      expected: before === undefined ? null : { [writer]: before },
      entity: {
        ...{ id: row.entityId, provider, revision: row.revision, digest: row.digest, seal: null },
        ...{ status: kind.status(state), createdBy: writer, erased: false, eventId: row.eventId },
      },
      violations: [],
      state,
    };
  });
  return { ...EMPTY_PLAN, events: rows, entities };
}
