import { setTimeout as delay } from 'node:timers/promises';
import type kafkajs from 'kafkajs';
import pg from 'pg';
import { createKafkaAdmin } from '../src/kafka/create-kafka-admin.ts';
import { createCleanupStack, type CleanupStack } from '../src/runtime/cleanup-stack.ts';
import { startTestServices, type TestServices } from '../tests/support/start-test-services.ts';
import { createTestDatabase } from '../tests/support/test-database.ts';
import { checkEnding } from './drain/check-ending.ts';
import { composeLoad, joinLoads, type Load } from './drain/compose-load.ts';
import { fillTopics } from './drain/fill-topics.ts';
import { countSettled } from './drain/run-bridges.ts';
import type { BenchOptions, Report } from './figures.ts';
import { launchBridge } from './launch-bridge.ts';
import { openBed, type Bed } from './open-bed.ts';
import { allConsume, forgetGroups } from './watch-groups.ts';
import { compareCosts, type Cost } from './growth/compare-costs.ts';

/** Five topics a provider, so 10 and 500. */
const KINDS = ['constat', 'vehicle', 'claim'];
const PROVIDERS = [2, 100];
const PARTITIONS = 3;
const SETTLE_MS = 5_000;
const TO_THE_END = -1n;

interface Side {
  readonly name: string;
  readonly bed: Bed;
  readonly load: Load;
  readonly admin: kafkajs.Admin;
}

/** The same number of events over few topics and over many. The bridge has started and has nothing to do; then it stands
 *  still while the constats' topics are filled, and is measured from when it goes on. */
export async function benchTopics({ quick, signal }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 3;
  const events = quick ? 20_000 : 120_000;
  const cleanup = createCleanupStack();
  try {
    const services = await startTestServices(process.env);
    cleanup.defer('the services', services.stop);
    const sides = await openSides(services, events, signal, cleanup);
    const costs = new Map(sides.map(({ name }) => [name, [] as Cost[]]));
    for (let round = 1; round <= rounds; round++) {
      for (const side of sides) {
        console.error(`topics: round ${round} of ${rounds}, ${side.name}`);
        costs.get(side.name)!.push(await drainOnce(side, round));
        await emptyTopics(side);
      }
    }
    const each = `${PARTITIONS} partitions each, those of constats filled`;
    return {
      title: `Draining ${events.toLocaleString('en')} events over few and many topics of ${each}, ${rounds} interleaved rounds`,
      figures: compareCosts(costs),
      notes: ['Every round ended with every row equal to what the insurers reckon.'],
    };
  } finally {
    await cleanup.unwind();
  }
}

async function openSides(
  services: TestServices,
  events: number,
  signal: AbortSignal,
  cleanup: CleanupStack,
): Promise<readonly Side[]> {
  const sides: Side[] = [];
  for (const providers of PROVIDERS) {
    const bed = await openBed({ services, providers, partitions: PARTITIONS, kinds: KINDS, signal }, cleanup);
    const admin = bed.kafka.admin();
    await admin.connect();
    cleanup.defer('the admin', () => admin.disconnect());
    const loads: Load[] = [];
    for (const id of bed.providerIds)
      loads.push(await composeLoad(events / providers, id, services.registryUrl, signal));
    const name = `over ${providers * 5} topics`;
    sides.push({ name, load: joinLoads(loads), admin, bed: withPatience(bed) });
  }
  return sides;
}

/** A member that stands still for a while stays in its group. */
function withPatience(bed: Bed): Bed {
  return { ...bed, env: { ...bed.env, KAFKA_SESSION_TIMEOUT_SECONDS: '300' } };
}

async function drainOnce({ bed, load, admin }: Side, round: number): Promise<Cost> {
  const cleanup = createCleanupStack();
  cleanup.defer('the groups', () => forgetGroups(bed));
  try {
    const database = await createTestDatabase(bed.services.databaseUrl);
    cleanup.defer('the database', () => database.drop());
    const db = new pg.Pool({ connectionString: database.url, max: 1 });
    cleanup.defer('the reader', () => db.end());
    const bridge = await launchBridge('growth', database.url, bed, cleanup);
    await bridge.until(() => allConsume(admin, bed));
    await delay(SETTLE_MS, undefined, { signal: bed.signal });
    bridge.signal('SIGSTOP');
    try {
      await fillTopics(bed.kafka, load.records, bed.signal);
    } finally {
      bridge.signal('SIGCONT');
    }
    const started = { at: performance.now(), cpuMs: await bridge.cpuMs() };
    // Positions count on from the rounds before, whose records are deleted.
    await bridge.until(async () => (await countSettled(db)) >= round * load.records.length);
    const elapsedMs = performance.now() - started.at;
    const cpuMs = (await bridge.cpuMs()) - started.cpuMs;
    await checkEnding(db, load, '0');
    const events = load.records.length;
    return { perSecond: (events / elapsedMs) * 1_000, cpuPer1000: (cpuMs / events) * 1_000 };
  } finally {
    await cleanup.unwind();
  }
}

/** As retention would; positions count on. */
async function emptyTopics({ load, bed: { services, topology } }: Side): Promise<void> {
  const admin = createKafkaAdmin({
    ...{ brokers: services.kafkaBrokers, ssl: false, clientId: 'bench' },
    sasl: { mechanism: 'scram-sha-256', ...services.kafkaAdmin },
  });
  const filled = [...new Set(load.records.map((record) => record.topic))];
  await admin.deleteRecords({
    topics: filled.map((name) => ({
      name,
      partitions: Array.from({ length: topology.routes.get(name)!.partitions }, (_, partition) => ({
        ...{ partition, offset: TO_THE_END },
      })),
    })),
  });
  await admin.close();
}
