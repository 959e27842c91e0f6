/** The writer id that follows all that were ever allotted to the provider: `saa`, then `saa.2`, `saa.3` (SYNC.md, Words). An
 *  id is never allotted twice, so that no counter ever is. */
export function nextWriterId(providerId: string, allotted: readonly string[]): string {
  const numbers = allotted.map((writerId) => {
    if (writerId === providerId) return 1;
    const suffix = writerId.startsWith(`${providerId}.`) ? writerId.slice(providerId.length + 1) : '';
    return /^\d+$/.test(suffix) ? Number(suffix) : 0;
  });
  const last = Math.max(0, ...numbers);
  return last === 0 ? providerId : `${providerId}.${last + 1}`;
}
