/** Where a topic goes on instead of where it stopped: at its end, at the first records since an instant, or at an offset of
 *  each of the partitions named. */
export type SkipTarget =
  | { readonly to: 'end' }
  | { readonly to: 'instant'; readonly atMs: number }
  | { readonly to: 'offsets'; readonly offsets: ReadonlyMap<number, bigint> };

/** Reads `end`, an RFC 3339 instant or `<partition>:<offset>`, several of the last separated by commas. Null for anything
 *  else, an instant without its zone included: whose zone was meant can't be known. */
export function parseSkipTarget(text: string): SkipTarget | null {
  const target = text.trim();
  if (target === 'end') return { to: 'end' };
  if (/^\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*$/.test(target)) {
    const pairs = target.split(',').map((pair) => pair.split(':') as [string, string]);
    const offsets = new Map(pairs.map(([partition, offset]) => [Number(partition), BigInt(offset)]));
    return offsets.size === pairs.length ? { to: 'offsets', offsets } : null;
  }
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/i.test(target)) return null;
  const atMs = Date.parse(target);
  return Number.isNaN(atMs) ? null : { to: 'instant', atMs };
}
