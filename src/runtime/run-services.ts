import { reach } from './crash-points.ts';

/** A part of the program that lives until it is told to stop. */
export interface Service {
  readonly name: string;
  /** Works until `signal` aborts: takes no more work, finishes what is in flight, resolves (or rejects with the signal's
   *  reason). Rejects when it can't go on. */
  run(signal: AbortSignal): Promise<void>;
}

export interface RunServicesOptions {
  /** Told of every service that failed, also of those that fail while the others stop. */
  readonly onFailure?: (service: string, error: unknown) => void;
}

/** Starts the services in the order given and runs them until `signal` aborts or one of them fails; then stops them in
 *  reverse, each only when those after it have ended: what receives is listed before what sends to it, and so is there
 *  first and leaves last. Those of one list have nothing to hand each other and are told to stop at the same time: a
 *  hundred that each take a moment would together outlast the deadline. Resolves when all have ended after an abort; rejects, when all have ended, with the first failure.
 *  A service that ends unasked has failed: its work would silently stay undone. */
export async function runServices(
  services: readonly (Service | readonly Service[])[],
  signal: AbortSignal,
  options: RunServicesOptions = {},
): Promise<void> {
  const failures: unknown[] = [];
  const stopping = Promise.withResolvers<void>();
  const onAbort = () => stopping.resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) stopping.resolve();

  const running = services.map((group) => {
    const stop = new AbortController();
    const ended = [group].flat().map((service) =>
      runOne(service, stop.signal).catch((error: unknown) => {
        failures.push(error);
        options.onFailure?.(service.name, error);
        stopping.resolve();
      }),
    );
    return { stop, ended: Promise.all(ended) };
  });

  await stopping.promise;
  signal.removeEventListener('abort', onAbort);
  reach('stop:asked');
  for (const { stop, ended } of running.reverse()) {
    stop.abort(signal.aborted ? signal.reason : undefined);
    await ended;
  }
  reach('stop:ended');
  if (failures.length > 0) throw failures[0];
}

async function runOne(service: Service, signal: AbortSignal): Promise<void> {
  try {
    await service.run(signal);
  } catch (error) {
    if (signal.aborted && error === signal.reason) return;
    throw error;
  }
  if (!signal.aborted) throw new Error(`the service ${service.name} ended without being told to`);
}
