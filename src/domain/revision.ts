/** A version vector: writer id → number of edits by that writer; an absent writer counts as 0 (SYNC.md, Words). */
export type Revision = Readonly<Record<string, number>>;

export type RevisionOrder = 'equal' | 'dominates' | 'dominated' | 'concurrent';

/** How `a` stands to `b`. Total, and no clock is involved. */
export function compareRevisions(a: Revision, b: Revision): RevisionOrder {
  let greater = false;
  let less = false;
  for (const writer in a) {
    const other = b[writer] ?? 0;
    const own = a[writer] ?? 0;
    if (own > other) greater = true;
    else if (own < other) less = true;
  }
  for (const writer in b) {
    if (a[writer] === undefined && (b[writer] ?? 0) > 0) less = true;
  }
  if (greater) return less ? 'concurrent' : 'dominates';
  return less ? 'dominated' : 'equal';
}

/** The least revision that is ≥ both: the entry-wise maximum. */
export function joinRevisions(a: Revision, b: Revision): Revision {
  const joined: Record<string, number> = { ...a };
  for (const writer in b) joined[writer] = Math.max(joined[writer] ?? 0, b[writer] ?? 0);
  return joined;
}

/** The revision of the next edit by `writer` on top of `revision`. */
export function nextRevision(revision: Revision, writer: string): Revision {
  return { ...revision, [writer]: (revision[writer] ?? 0) + 1 };
}

/** One text per revision, whatever the order of its entries: keys sorted, as in `eassurance:3,saa:2`. */
export function formatRevision(revision: Revision): string {
  return Object.keys(revision)
    .sort()
    .map((writer) => `${writer}:${revision[writer]}`)
    .join(',');
}
