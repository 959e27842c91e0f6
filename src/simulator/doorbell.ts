import type { EventEmitter } from 'node:events';

/** Remembers a ring that came while nobody waited, so that none is missed between looking and waiting. */
export interface Doorbell {
  /** Resolves at the next ring (or at once when one came since the last wait), after `ms`, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function createDoorbell(emitter: EventEmitter, event: string): Doorbell {
  let rung = false;
  let answer: (() => void) | undefined;
  const onRing = () => {
    rung = true;
    answer?.();
  };
  emitter.on(event, onRing);
  return {
    wait: (ms, signal) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          answer = undefined;
          rung = false;
          resolve();
        };
        const timer = setTimeout(done, ms);
        answer = done;
        signal.addEventListener('abort', done);
        if (rung || signal.aborted) done();
      }),
    close: () => emitter.off(event, onRing),
  };
}
