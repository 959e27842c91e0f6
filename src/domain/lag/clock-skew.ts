/** How a provider's clock stands to the broker's, from the times of its events: an event can't be appended before it
 *  occurred, so the smallest of many differences is the skew, but for the shortest way that an event can take. */
export interface ClockSkew {
  /** An event of the provider: when it occurred by its clock, and when the broker appended it by the broker's. */
  observe(occurredAtMs: number, appendedAtMs: number): void;
  /** Positive: its clock is ahead; negative: behind, or its events take at least so long. Null before the first event. */
  skewMs(): number | null;
}

/** Events looked back on. */
const WINDOW = 256;

export function createClockSkew(): ClockSkew {
  const delays: number[] = [];
  let next = 0;
  /** Undefined until it is asked for again: it is, for each event of a batch, after all of them were observed. */
  let smallest: number | undefined;
  return {
    observe(occurredAtMs, appendedAtMs) {
      delays[next] = appendedAtMs - occurredAtMs;
      next = (next + 1) % WINDOW;
      smallest = undefined;
    },
    skewMs() {
      smallest ??= Math.min(...delays);
      // `0 -` and not `-`: no skew is not minus zero.
      return delays.length === 0 ? null : 0 - smallest;
    },
  };
}
