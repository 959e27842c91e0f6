export interface EtagMemory {
  get(key: string): string | null;
  /** Null forgets. */
  set(key: string, etag: string | null): void;
}

/** The ETags of what was last pulled, at most `capacity` of them; those set longest ago are forgotten first. Losing one
 *  costs an answer with a body where 304 would have done. */
export function createEtagMemory(capacity: number): EtagMemory {
  const etags = new Map<string, string>();
  return {
    get: (key) => etags.get(key) ?? null,
    set(key, etag) {
      etags.delete(key);
      if (etag === null) return;
      etags.set(key, etag);
      const oldest = etags.keys().next();
      if (etags.size > capacity && !oldest.done) etags.delete(oldest.value);
    },
  };
}
