import type { PlatformDeps } from './platform-deps.ts';
import { PlatformError } from './platform-error.ts';
import { findRecord } from './record-table.ts';
import type { PlatformRecord } from './record.ts';

/** The record as soon as the predicate holds, from now on or already. Listens before it looks, so that no write falls in
 *  between. Rejects with 408 and the last state seen when `timeoutMs` pass before. */
export async function waitForRecord(
  kind: string,
  id: string,
  predicate: (record: PlatformRecord) => boolean,
  timeoutMs: number,
  { pool, changes }: Pick<PlatformDeps, 'pool' | 'changes'>,
): Promise<PlatformRecord> {
  const { promise, resolve, reject } = Promise.withResolvers<PlatformRecord>();
  let last: PlatformRecord | null = null;
  const look = (record: PlatformRecord | null): void => {
    if (!record || record.kind !== kind || record.id !== id) return;
    last = record;
    if (predicate(record)) resolve(record);
  };
  const timer = setTimeout(() => {
    const options = last ? { current: last } : {};
    reject(
      new PlatformError(
        408,
        'WAITED',
        `The ${kind} ${id} was not what was waited for within ${timeoutMs} ms.`,
        options,
      ),
    );
  }, timeoutMs);
  // The time may be up while the first look is still under way.
  promise.catch(() => undefined);
  changes.on('record', look);
  try {
    look(await findRecord(pool, kind, id));
    return await promise;
  } finally {
    clearTimeout(timer);
    changes.off('record', look);
  }
}
