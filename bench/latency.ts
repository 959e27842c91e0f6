import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import type { BenchOptions, Report } from './figures.ts';
import { toLatencyFigures } from './live/latencies.ts';
import { measureInbound } from './live/measure-inbound.ts';
import { measureOutbound } from './live/measure-outbound.ts';
import { openBridge } from './live/open-bridge.ts';
import { openBed } from './open-bed.ts';

const GOALS = { p50: 15, p99: 50 };

/** How soon one side sees what was said on the other, while a running bridge has a steady load. */
export async function benchLatency({ quick, signal }: BenchOptions): Promise<Report> {
  const cleanup = createCleanupStack();
  const load = quick ? { seconds: 4, warmUpSeconds: 2 } : { seconds: 25, warmUpSeconds: 8 };
  try {
    const bed = await openBed({ providers: 1, partitions: 8, signal }, cleanup);
    const bridge = await openBridge(bed, cleanup);
    const measured = [await measureInbound(bed, bridge, { perSecond: 500, ...load })];
    for (const perSecond of quick ? [100] : [100, 500])
      measured.push(await measureOutbound(bed, bridge, { perSecond, ...load }));
    return {
      title: `Latency of a running bridge, each rate for ${load.seconds} s after ${load.warmUpSeconds} s`,
      figures: measured.flatMap((latencies) => toLatencyFigures(latencies, GOALS)),
      notes: [
        ...measured.map(({ name, note }) => `${name}: ${note}`),
        'Every event arrived; the ending was compared row by row, every edit with its order.',
      ],
    };
  } finally {
    await cleanup.unwind();
  }
}
