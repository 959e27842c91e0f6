import { createCleanupStack } from '../../src/runtime/cleanup-stack.ts';
import type { OwnEvent } from '../drain/own-layout.ts';
import { openBridge } from '../live/open-bridge.ts';
import type { Bed } from '../open-bed.ts';
import { forgetGroups } from '../watch-groups.ts';
import { checkRecords } from './check-records.ts';
import { fillOutbox } from './fill-outbox.ts';

export interface Sent {
  readonly perSecond: number;
  /** Of the process that sent, milliseconds for 1,000 events. */
  readonly cpuPer1000: number;
}

/** One `bridge run` on a full outbox until it is empty, from the first look at which some had gone. It also reads its own
 *  records back, as it always does. Then holds every record on the topics against what was to be sent. */
export async function runRelay(bed: Bed, edits: readonly OwnEvent[]): Promise<Sent> {
  const cleanup = createCleanupStack();
  cleanup.defer('the groups', () => forgetGroups(bed));
  try {
    const bridge = await openBridge(bed, cleanup, (databaseUrl) => fillOutbox(bed, databaseUrl, edits));
    const waiting = async () => {
      const { rows } = await bridge.db.query<{ oldest: number | null }>(
        'select min(sequence)::int as oldest from outbox',
      );
      const [row] = rows;
      return row!.oldest === null ? 0 : edits.length + 1 - row!.oldest;
    };
    let left = await waiting();
    const first = { at: performance.now(), left, cpu: await bridge.cpuMs() };
    await bridge.until(async () => (left = await waiting()) === 0);
    const ms = performance.now() - first.at;
    const cpu = (await bridge.cpuMs()) - first.cpu;
    await checkRecords(bed.kafka, edits, `bench-${Date.now()}`, bed.signal);
    return { perSecond: (first.left / ms) * 1_000, cpuPer1000: (cpu / first.left) * 1_000 };
  } finally {
    await cleanup.unwind();
  }
}
