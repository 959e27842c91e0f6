import { TransientError } from '../domain/errors.ts';
import { backoffMs } from './backoff.ts';
import type { Backoff } from './backoff.ts';
import type { Service } from './run-services.ts';
import { sleep } from './sleep.ts';

export interface SuperviseOptions {
  readonly clock: () => number;
  /** Told before the wait that precedes a restart. */
  readonly onRestart?: (error: TransientError, waitMs: number, attempt: number) => void;
  readonly backoff?: Backoff;
  /** A run of at least this length counts as healthy: the next failure waits as short as the first. */
  readonly healthyAfterMs?: number;
}

/** A restart may open connections and join a group anew, so it waits longer than a single try. */
const DEFAULT_BACKOFF: Backoff = { minMs: 500, maxMs: 3_000 };
const DEFAULT_HEALTHY_AFTER_MS = 60_000;

/** The same service, started again after every TransientError until it is told to stop. Any other failure is a bug, which
 *  a restart would only hide: it ends the service. */
export function supervise(service: Service, options: SuperviseOptions): Service {
  const healthyAfterMs = options.healthyAfterMs ?? DEFAULT_HEALTHY_AFTER_MS;
  return {
    name: service.name,
    async run(signal) {
      for (let attempt = 1; ; attempt++) {
        const startedAtMs = options.clock();
        try {
          return await service.run(signal);
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          if (signal.aborted) return;
          if (options.clock() - startedAtMs >= healthyAfterMs) attempt = 1;
          const waitMs = error.retryAfterMs ?? backoffMs(attempt, options.backoff ?? DEFAULT_BACKOFF);
          options.onRestart?.(error, waitMs, attempt);
          await sleep(waitMs, signal);
        }
      }
    },
  };
}
