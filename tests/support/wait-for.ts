import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';

/** Waits until a fact holds: reads until `accept` says yes to what was read, and returns that. When the deadline passes
 *  it throws, with what was being waited for and what was read last. A read that throws counts as "not yet". */
export async function waitFor<T>(
  fact: string,
  read: () => T | Promise<T>,
  accept: (value: T) => boolean = Boolean,
  deadlineMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    let last: string;
    let cause: unknown;
    try {
      const value = await read();
      if (accept(value)) return value;
      last = inspect(value, { depth: 6, maxStringLength: 2_000 });
    } catch (error) {
      cause = error;
      last = `a failure: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (Date.now() >= deadline) {
      throw new Error(`Waited ${deadlineMs / 1000} s in vain for: ${fact}. Last read: ${last}`, { cause });
    }
    await delay(25);
  }
}
