/** A version vector as the contract defines it: writer id → how many edits that writer has made; absent is 0. */
export type Revision = Readonly<Record<string, number>>;

/** True when `a` has seen everything that `b` has seen, and more: ≥ in every entry and > in one. This is the whole
 *  question a provider asks of an incoming event. */
export function dominates(a: Revision, b: Revision): boolean {
  const writers = new Set([...Object.keys(a), ...Object.keys(b)]);
  let more = false;
  for (const writer of writers) {
    const left = a[writer] ?? 0;
    const right = b[writer] ?? 0;
    if (left < right) return false;
    if (left > right) more = true;
  }
  return more;
}

/** Equal entry by entry; an absent entry equals 0. */
export function sameRevision(a: Revision, b: Revision): boolean {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every(
    (writer) => (a[writer] ?? 0) === (b[writer] ?? 0),
  );
}

/** `a` is `b` or has seen all of it. */
export function reaches(a: Revision, b: Revision): boolean {
  return sameRevision(a, b) || dominates(a, b);
}

/** The revision of one more edit by `writer`. Only the writer's own entry may ever be raised by that writer. */
export function increment(revision: Revision, writer: string): Revision {
  return { ...revision, [writer]: (revision[writer] ?? 0) + 1 };
}

/** `{saa: 1, eassurance: 2}` → `eassurance:2,saa:1`; entries of 0 are left out, so equal revisions give equal text. */
export function revisionText(revision: Revision): string {
  return Object.entries(revision)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([writer, count]) => `${writer}:${count}`)
    .join(',');
}

/** Reads what `revisionText` wrote, and an ETag's text, in which `;` stands for the comma; null when it is neither. */
export function parseRevision(text: string): Revision | null {
  const entries: [string, number][] = [];
  for (const part of text === '' ? [] : text.split(/[,;]/)) {
    const match = /^([A-Za-z0-9._-]+):(\d{1,15})$/.exec(part);
    if (!match) return null;
    entries.push([match[1]!, Number(match[2])]);
  }
  return Object.fromEntries(entries);
}
