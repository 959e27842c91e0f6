/** What the commands share with `main.ts`. */

const shutdown = new AbortController();

/** Aborts when the process is asked to stop (SIGINT, SIGTERM). A command that keeps running stops then, and resolves: it
 *  has until the deadline of `main.ts`. */
export const shutdownSignal: AbortSignal = shutdown.signal;

/** Asks every command to stop; for `main.ts` alone. */
export function requestShutdown(): void {
  shutdown.abort(new DOMException('the process was asked to stop', 'AbortError'));
}
