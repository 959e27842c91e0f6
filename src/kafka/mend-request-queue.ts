import { createRequire } from 'node:module';

interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/** How often a full queue is looked at; kafkajs' own value. */
const CHECK_INTERVAL_MS = 10;
let mended = false;

/** kafkajs 2.2.4 arms a timer of `throttledUntil - now` even when nothing waits in the queue of a connection: a negative
 *  delay, which Node warns of once (TimeoutNegativeWarning) and runs as 1 ms, over and over, for each connection. After
 *  this call the timer is armed only while requests wait; Node's warnings stay as they are. Throws when the installed
 *  kafkajs has no such method, so that an upgrade can't quietly undo the repair. */
export function mendRequestQueue(): void {
  if (mended) return;
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
    prototype: RequestQueue;
  };
  if (typeof queue.prototype?.scheduleCheckPendingRequests !== 'function') {
    throw new Error(
      'the request queue of this kafkajs is another one: check whether mendRequestQueue is still needed',
    );
  }
  queue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return;
    const throttledMs = this.throttledUntil - Date.now();
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      throttledMs > 0 ? throttledMs : CHECK_INTERVAL_MS,
    );
  };
  mended = true;
}
