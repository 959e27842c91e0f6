type Resolved<Tasks extends readonly unknown[]> = { -readonly [K in keyof Tasks]: Awaited<Tasks[K]> };

/** `Promise.all`, but waits for every task, and rejects with the failure of the first in their order, not with the one that
 *  came first: of statements sent one behind the other, what one of them meets fails those behind it, too. */
export async function allInOrder<const Tasks extends readonly unknown[]>(
  tasks: Tasks,
): Promise<Resolved<Tasks>> {
  const ended = await Promise.allSettled(tasks);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
  return ended.map((one) => (one as PromiseFulfilledResult<unknown>).value) as Resolved<Tasks>;
}
