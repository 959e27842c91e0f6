import { HUB } from '../src/domain/event.ts';
import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { startTestServices } from '../tests/support/start-test-services.ts';
import { composeLoad } from './drain/compose-load.ts';
import type { OwnEvent } from './drain/own-layout.ts';
import { median, type BenchOptions, type Report } from './figures.ts';
import { openBed, type Bed } from './open-bed.ts';
import { runRelay, type Sent } from './relay/run-relay.ts';
import { sendBare } from './relay/send-bare.ts';

/** Records in one request of the bare producer; the best of them counts. */
const BARE_BATCHES = [500, 2_000];

/** From a full outbox to acknowledged records, beside a bare producer of the same library with the same bytes. */
export async function benchRelay({ quick, signal }: BenchOptions): Promise<Report> {
  const events = quick ? 20_000 : 100_000;
  const rounds = quick ? 1 : 3;
  const cleanup = createCleanupStack();
  try {
    const services = await startTestServices(process.env);
    cleanup.defer('the services', services.stop);
    const relayed: Sent[] = [];
    const bare: Sent[] = [];
    for (let round = 0; round < rounds; round++) {
      console.error(`relay: round ${round + 1} of ${rounds}`);
      const bed = await openBed({ providers: 1, partitions: 8, services, signal }, cleanup);
      const edits = await composeEdits(bed, events);
      relayed.push(await runRelay(bed, edits));
      const sent = [];
      for (const batch of BARE_BATCHES) sent.push(await sendBare(bed, edits, batch));
      bare.push(sent.reduce((best, one) => (one.perSecond > best.perSecond ? one : best)));
    }
    const rates = (sent: readonly Sent[]) => sent.map(({ perSecond }) => perSecond);
    const cpu = (sent: readonly Sent[]) => sent.map(({ cpuPer1000 }) => cpuPer1000);
    return {
      title: `Relaying ${events.toLocaleString('en')} edits from the outbox, ${rounds} interleaved rounds`,
      figures: [
        { name: 'one relay', unit: 'events/s', values: rates(relayed), goal: { atLeast: 10_000 } },
        { name: 'a bare producer', unit: 'events/s', values: rates(bare), goal: null },
        {
          ...{ name: 'against the bare producer', unit: '%', goal: { atLeast: 50 } },
          values: rates(relayed).map((rate, i) => (100 * rate) / bare[i]!.perSecond),
        },
      ],
      notes: [
        `CPU for 1,000 events: ${median(cpu(relayed)).toFixed(0)} ms of the bridge, ${median(cpu(bare)).toFixed(0)} ms of the bare producer.`,
        'Every record was read back: per topic and entity the bytes of its edits, in their order, nothing twice.',
      ],
    };
  } finally {
    await cleanup.unwind();
  }
}

async function composeEdits(bed: Bed, events: number): Promise<readonly OwnEvent[]> {
  const load = await composeLoad(events, bed.providerIds[0]!, bed.services.registryUrl, bed.signal, HUB);
  const edits = new Map<string, OwnEvent>();
  for (const { event, topic, value } of load.records) {
    if (event !== null) edits.set(event.eventId, { ...event, topic, value });
  }
  return [...edits.values()];
}
