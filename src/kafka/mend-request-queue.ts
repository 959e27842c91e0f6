import { loadKafkajs, prototypeOf } from './kafkajs-internals.ts';

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
 *  this call the timer is armed only while requests wait; Node's warnings stay as they are. */
export function mendRequestQueue(): void {
  if (mended) return;
  const queue = prototypeOf<RequestQueue>(
    loadKafkajs('network/requestQueue/index.js'),
    'scheduleCheckPendingRequests',
  );
  queue.scheduleCheckPendingRequests = function (this: RequestQueue) {
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
