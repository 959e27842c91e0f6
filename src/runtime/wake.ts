export interface Wake {
  /** Resolves after `ms`, as soon as `wake` is called, or when `signal` aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** Ends the wait of everyone who waits; when nobody does, the next wait ends at once. */
  wake(): void;
}

/** A slow poll that can be hurried. A call of `wake` between two waits is remembered, so that work announced while the
 *  loop was busy is not left until the next poll; several such calls count as one. */
export function createWake(): Wake {
  let pending = false;
  const waiting = new Set<() => void>();
  return {
    wait(ms, signal) {
      if (pending || signal.aborted) {
        pending = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          waiting.delete(end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end, { once: true });
        waiting.add(end);
      });
    },
    wake() {
      if (waiting.size === 0) pending = true;
      else for (const end of [...waiting]) end();
    },
  };
}
