import { setTimeout as delay } from 'node:timers/promises';
import type kafkajs from 'kafkajs';
import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { answers } from '../tests/soak/open-world.ts';
import { createTestDatabase } from '../tests/support/test-database.ts';
import type { BenchOptions, Report } from './figures.ts';
import { launchBridge } from './launch-bridge.ts';
import { openBed, type Bed } from './open-bed.ts';
import { allConsume } from './watch-groups.ts';

const PROVIDERS = 100;
/** Five topics each. */
const KINDS = ['constat', 'vehicle', 'claim'];
const PARTITIONS = 3;
/** How long it is watched doing nothing. */
const IDLE_MS = 10_000;

interface Started {
  readonly listeningS: number;
  readonly readyS: number;
  readonly consumingS: number;
  readonly cpuS: number;
  readonly residentMb: number;
  readonly idleCpuPercent: number;
  readonly stoppingS: number;
}

/** From the launch of `bridge run` until every provider's consumer has its partitions: what a deployment waits for. The
 *  topics, users and schemas are there, as they are in all starts but the first; the database is new. */
export async function benchStart({ quick, signal }: BenchOptions): Promise<Report> {
  const rounds = quick ? 2 : 5;
  const cleanup = createCleanupStack();
  try {
    const bed = await openBed(
      { providers: PROVIDERS, partitions: PARTITIONS, kinds: KINDS, signal },
      cleanup,
    );
    const admin = bed.kafka.admin();
    await admin.connect();
    cleanup.defer('the admin', () => admin.disconnect());
    const starts: Started[] = [];
    while (starts.length < rounds) {
      starts.push(await startOnce(bed, admin));
      console.error(`start: round ${starts.length} of ${rounds}, ${starts.at(-1)!.consumingS.toFixed(1)} s`);
    }
    const values = (name: keyof Started) => starts.map((start) => start[name]);
    const topics = [...bed.topology.routes.values()].filter((route) => route.providerId !== 'shared');
    return {
      title: `Starting with ${topics.length} topics × ${PARTITIONS} partitions of ${PROVIDERS} providers`,
      figures: [
        { name: 'launch to listening', unit: 's', values: values('listeningS'), goal: null },
        { name: 'launch to ready', unit: 's', values: values('readyS'), goal: null },
        { name: 'launch to consuming', unit: 's', values: values('consumingS'), goal: { atMost: 10 } },
        { name: 'CPU until consuming', unit: 's', values: values('cpuS'), goal: null },
        { name: 'CPU with nothing to do', unit: '% of a core', values: values('idleCpuPercent'), goal: null },
        { name: 'resident', unit: 'MB', values: values('residentMb'), goal: { atMost: 300 } },
        { name: 'told to stop until gone', unit: 's', values: values('stoppingS'), goal: { atMost: 15 } },
      ],
    };
  } finally {
    await cleanup.unwind();
  }
}

async function startOnce(bed: Bed, admin: kafkajs.Admin): Promise<Started> {
  const cleanup = createCleanupStack();
  try {
    const database = await createTestDatabase(bed.services.databaseUrl);
    cleanup.defer('the database', () => database.drop());
    const launched = performance.now();
    const bridge = await launchBridge('start', database.url, bed, cleanup);
    const secondsUntil = async (fact: () => Promise<boolean>) => {
      await bridge.until(fact);
      return (performance.now() - launched) / 1_000;
    };
    const listeningS = await secondsUntil(() => answers(`${bridge.url}/health/live`));
    const readyS = await secondsUntil(() => answers(`${bridge.url}/health/ready`));
    const consumingS = await secondsUntil(() => allConsume(admin, bed));
    const cpuMs = await bridge.cpuMs();
    await delay(IDLE_MS, undefined, { signal: bed.signal });
    const idleCpuMs = (await bridge.cpuMs()) - cpuMs;
    const residentMb = (await bridge.residentBytes()) / 2 ** 20;
    const told = performance.now();
    await bridge.stop();
    return {
      ...{ listeningS, readyS, consumingS, cpuS: cpuMs / 1_000, residentMb },
      stoppingS: (performance.now() - told) / 1_000,
      idleCpuPercent: (idleCpuMs / IDLE_MS) * 100,
    };
  } finally {
    await cleanup.unwind();
  }
}
