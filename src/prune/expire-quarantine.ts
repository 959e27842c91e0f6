import type { Clock, Log, QuarantineTable } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';

export interface ExpireDeps {
  readonly table: Pick<QuarantineTable, 'expire'>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a record stays once it is settled. */
  readonly keepMs: number;
  /** Records that one step deletes. */
  readonly batchSize: number;
  /** Between two steps. */
  readonly pauseMs: number;
  /** Between two rounds. */
  readonly restMs: number;
}

/** Deletes what has been settled for longer than `keepMs`, step by step; rests, and again. What is unsettled is never
 *  deleted, however old: the table refuses it. Several replicas may do so at once. */
export function expireQuarantine(deps: ExpireDeps): Service {
  const { table, clock, log, keepMs, batchSize, pauseMs, restMs } = deps;
  return {
    name: 'expire-quarantine',
    async run(signal) {
      while (!signal.aborted) {
        const expired = await table.expire(clock() - keepMs, batchSize);
        if (expired > 0) log.info({ expired }, 'settled records of quarantine deleted');
        await sleep(expired < batchSize ? restMs : pauseMs, signal);
      }
    },
  };
}
