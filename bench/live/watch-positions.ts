import type pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';

export interface PositionWatch {
  /** Resolves when so many records have their outcome; rejects when that takes longer. */
  until(records: number, withinMs: number): Promise<void>;
  /** When the record was first seen to have its outcome, on the clock of `performance.now()`: the end of the read, so
   *  never too early, and late by one read and one pause at most. */
  passedAt(topic: string, partition: number, offset: number): number;
  /** From one read's end to the next's. */
  pollsMs(): readonly number[];
  stop: () => Promise<void>;
}

/** Reads the applied positions over and over, on one connection: a position is committed together with the outcomes of
 *  every record before it. */
export function watchPositions(db: pg.Pool): PositionWatch {
  const seen = new Map<string, { readonly next: number; readonly at: number }[]>();
  const polls: number[] = [];
  let stopped = false;
  let settled = 0;
  const watching = watch();

  async function watch(): Promise<void> {
    const client = await db.connect();
    try {
      let before = performance.now();
      while (!stopped) {
        const { rows } = await client.query<{ topic: string; partition: number; next: string }>({
          name: 'positions',
          text: 'select topic, partition, next_offset as next from applied_offset',
        });
        const at = performance.now();
        polls.push(at - before);
        before = at;
        for (const row of rows) note(`${row.topic}/${row.partition}`, Number(row.next), at);
        await delay(1);
      }
    } finally {
      client.release();
    }
  }

  function note(place: string, next: number, at: number): void {
    const steps = seen.get(place) ?? [];
    seen.set(place, steps);
    const passed = steps.at(-1)?.next ?? 0;
    if (next === passed) return;
    steps.push({ next, at });
    settled += next - passed;
  }

  return {
    async until(records, withinMs) {
      const deadline = performance.now() + withinMs;
      while (settled < records) {
        if (performance.now() > deadline)
          throw new Error(`${settled} of ${records} records have an outcome after ${withinMs / 1_000} s`);
        await Promise.race([delay(20), watching]);
      }
    },
    passedAt(topic, partition, offset) {
      return seen.get(`${topic}/${partition}`)!.find(({ next }) => next > offset)!.at;
    },
    pollsMs: () => polls,
    async stop() {
      stopped = true;
      await watching;
    },
  };
}
