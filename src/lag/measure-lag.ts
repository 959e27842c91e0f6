import { TransientError } from '../domain/errors.ts';
import type { LagReport } from '../domain/lag/report.ts';
import type { Log, Metrics } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { createLagBoard, type LagBoardDeps } from './lag-board.ts';
import type { LagDeps, LagSnapshot } from './lag-deps.ts';
import { rhythmOf } from './rhythm-of.ts';
import { newSamplerMemory, takeSnapshot } from './take-snapshot.ts';

export interface MeasureLagDeps extends LagDeps, LagBoardDeps {
  readonly metrics: Pick<Metrics, 'lag'>;
  readonly log: Log;
  readonly everyMs: number;
}

export interface LagService extends Service {
  /** The last report; null before the first. */
  report(): LagReport | null;
}

/** Samples, judges and sets the gauges, again and again until the signal aborts. While Kafka or PostgreSQL is away it goes
 *  on with what is left: that is when its report is needed. */
export function measureLag(deps: MeasureLagDeps): LagService {
  let last: LagReport | null = null;
  return {
    name: 'lag',
    report: () => last,
    async run(signal) {
      const memory = newSamplerMemory();
      const board = createLagBoard(deps);
      for (;;) {
        const startedMs = deps.clock();
        const snapshot = await takeSnapshot(memory, deps);
        last = board.judge(snapshot);
        await learnRhythms(snapshot, deps);
        const tookMs = deps.clock() - startedMs;
        deps.metrics.lag(last, tookMs / 1000);
        await sleep(Math.max(0, deps.everyMs - tookMs), signal);
      }
    },
  };
}

/** Takes what came since into each provider's rhythm, for the next snapshot and for other processes. */
async function learnRhythms(
  { ledger, database }: LagSnapshot,
  deps: Pick<MeasureLagDeps, 'topology' | 'ledger' | 'log'>,
): Promise<void> {
  if (ledger === null || !database) return;
  for (const provider of deps.topology.providers.keys()) {
    const learnt = rhythmOf(provider, ledger, deps.topology);
    if (learnt === null || learnt === ledger.rhythms.get(provider)) continue;
    try {
      await deps.ledger.keepRhythm(provider, learnt);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      deps.log.debug({ err: error, provider }, 'the rhythm of the provider is learnt the next time');
    }
  }
}
