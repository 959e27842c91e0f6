import type { Revision } from '../domain/revision.ts';

/** What a provider last showed of an entity. */
export interface ShownTag {
  readonly etag: string;
  /** The revision that the ETag stands for: a later "unchanged" says that the provider still has this one. */
  readonly revision: Revision;
}

export interface EtagMemory {
  get(key: string): ShownTag | null;
  /** Null forgets. */
  set(key: string, shown: ShownTag | null): void;
}

export function etagKey(providerId: string, kind: string, entityId: string): string {
  return `${providerId}/${kind}/${entityId}`;
}

/** The ETags of what was last pulled, at most `capacity` of them; those set longest ago are forgotten first. Losing one
 *  costs an answer with a body where 304 would have done. */
export function createEtagMemory(capacity: number): EtagMemory {
  const tags = new Map<string, ShownTag>();
  return {
    get: (key) => tags.get(key) ?? null,
    set(key, shown) {
      tags.delete(key);
      if (shown === null) return;
      tags.set(key, shown);
      const oldest = tags.keys().next();
      if (tags.size > capacity && !oldest.done) tags.delete(oldest.value);
    },
  };
}
