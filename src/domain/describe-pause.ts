/** A pause in a sentence, with the command that ends it. */
export function describePause(pause: {
  readonly topic: string;
  readonly sinceMs: number;
  readonly by: string | null;
  readonly counted: number;
  readonly codes: Readonly<Record<string, number>>;
}): string {
  const { topic, by, counted, codes } = pause;
  const since = new Date(pause.sinceMs).toISOString();
  const why = by === null ? `FUSE_BLOWN: ${listCodes(codes)} among ${counted} records` : `paused by ${by}`;
  return `${topic} stands still since ${since} (${why}); \`${resumeCommand(topic)}\` lets it go on`;
}

/** `18 × UNDECODABLE, 2 × UNKNOWN_SCHEMA`: the most frequent first. */
export function listCodes(codes: Readonly<Record<string, number>>): string {
  return Object.entries(codes)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${count} × ${code}`)
    .join(', ');
}

export const resumeCommand = (topic: string): string => `bridge topic resume ${topic} --by <your name>`;
