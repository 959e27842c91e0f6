import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { digestOf } from '../../src/simulator/canonical-form.ts';
import { createEventCodec } from '../../src/simulator/event-codec.ts';
import type { JsonObject } from '../../src/simulator/json.ts';
import { findKind, topicOf } from '../../src/simulator/kinds.ts';
import { loadContracts } from '../../src/simulator/load-contracts.ts';
import { createSampleData } from '../../src/simulator/sample-data.ts';
import { createSchemaRegistry } from '../../src/simulator/schema-registry.ts';
import { createRandom } from '../../tests/simulation/random.ts';

export interface LoadRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  /** Null for poison. */
  readonly event: {
    readonly eventId: string;
    readonly entityId: string;
    readonly counter: number;
    readonly state: JsonObject;
  } | null;
}

interface Expected {
  readonly provider: string;
  readonly counter: number;
  readonly digest: string;
}

/** What an insurer publishes, in its order, and what must stand in the end, reckoned by the insurer's own code. */
export interface Load {
  readonly records: readonly LoadRecord[];
  /** Entity → its insurer, the last counter of that, and the digest of that state. */
  readonly expected: ReadonlyMap<string, Expected>;
  readonly distinctEvents: number;
  readonly poison: number;
}

/** Every fifth event updates one that is there, by Zipf's law; one of a hundred comes again, one of a thousand is poison. */
const UPDATES = 0.2;
const DUPLICATES = 0.01;
const POISON = 0.001;
const KEPT_STATES = 20_000;

export async function composeLoad(
  events: number,
  providerId: string,
  registryUrl: string,
  signal?: AbortSignal,
  writer = providerId,
): Promise<Load> {
  const random = createRandom(7);
  const kind = findKind('constat')!;
  const contracts = await loadContracts(path.resolve(import.meta.dirname, '../../schemas'));
  const codec = createEventCodec(contracts, createSchemaRegistry(registryUrl));
  const sample = createSampleData({ seed: 7, providerId, today: '2026-05-10' });
  const at = '2026-05-10T08:00:00.000Z';

  const records: LoadRecord[] = [];
  const expected = new Map<string, Expected>();
  /** The newest `KEPT_STATES` entities can be updated. */
  const held: { id: string; counter: number; state: JsonObject }[] = [];
  let poison = 0;
  let distinctEvents = 0;
  while (records.length < events) {
    // Lets a request to stop be heard.
    if (records.length % 1_000 === 0) await setImmediate(undefined, { signal });
    if (records.length > 0 && random.chance(DUPLICATES)) {
      records.push(records[records.length - 1 - random.below(Math.min(records.length, 1_000))]!);
      if (records.at(-1)!.event === null) poison += 1;
      continue;
    }
    if (random.chance(POISON)) {
      const topic = topicOf(providerId, kind, 'created');
      records.push({ topic, key: randomUUID(), value: Buffer.from(randomUUID()), event: null });
      poison += 1;
      continue;
    }
    const again = held.length > 0 && random.chance(UPDATES);
    const entity = again ? held[zipf(held.length, random.next())]! : open();
    if (again) {
      entity.counter += 1;
      const accident = { ...(entity.state['accident'] as JsonObject), place: `RN ${records.length}` };
      entity.state = { ...entity.state, accident };
    }
    const { id: entityId, counter, state } = entity;
    const action = again ? 'updated' : 'created';
    const eventId = uuidv7();
    const topic = topicOf(providerId, kind, action);
    const value = await codec.encode(topic, kind, kind.records[action]!, {
      meta: {
        ...{ eventId, eventType: `constat.${action}`, providerId, origin: writer, entityType: 'constat' },
        ...{ entityId, revision: { [writer]: counter }, occurredAt: at, correlationId: null },
        ...{ causationId: null, actor: 'USER', replay: false },
      },
      state,
      changedFields: [],
      changeReason: null,
    });
    records.push({ topic, key: entityId, value, event: { eventId, entityId, counter, state } });
    expected.set(entityId, { provider: providerId, counter, digest: digestOf(contracts, kind, state) });
    distinctEvents += 1;
  }
  return { records, expected, distinctEvents, poison };

  function open() {
    const id = randomUUID();
    const own = { constatId: id, providerId, createdBy: writer, createdAt: at, updatedAt: at };
    const entity = { id, counter: 1, state: codec.normalise(kind, { ...sample.constat(), ...own }) };
    if (held.length < KEPT_STATES) held.push(entity);
    else held[random.below(KEPT_STATES)] = entity;
    return entity;
  }
}

/** What several insurers publish, one after the other. */
export function joinLoads(loads: readonly Load[]): Load {
  const sum = (of: (load: Load) => number) => loads.reduce((total, load) => total + of(load), 0);
  return {
    records: loads.flatMap(({ records }) => records),
    expected: new Map(loads.flatMap(({ expected }) => [...expected])),
    distinctEvents: sum(({ distinctEvents }) => distinctEvents),
    poison: sum(({ poison }) => poison),
  };
}

/** A rank below `n`, the first ones by far the likeliest. */
function zipf(n: number, u: number): number {
  return Math.min(n - 1, Math.floor(Math.exp(u * Math.log(n + 1))) - 1);
}
