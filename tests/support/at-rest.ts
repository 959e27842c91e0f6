import type { Admin } from 'kafkajs';
import type pg from 'pg';

/** What one insurer and the hub exchange, and how far both have read. */
export interface Exchange {
  readonly admin: Admin;
  readonly topics: readonly string[];
  /** The insurer's consumer group. */
  readonly groupId: string;
  readonly hub: Pick<pg.Pool, 'query'>;
  readonly insurer: Pick<pg.Pool, 'query'>;
}

/** Whether every event that was published has been read by both sides and neither has anything left to publish: then
 *  nothing happens any more by itself. */
export async function isAtRest({ admin, topics, groupId, hub, insurer }: Exchange): Promise<boolean> {
  const ends = await readEnds(admin, topics);
  // The hub's positions are in its database; those of its group may stay behind where nothing new comes.
  const positions = [await readHere(hub), await readThere(admin, groupId, topics)];
  for (const [partition, end] of ends) {
    if (end !== '0' && positions.some((side) => side.get(partition) !== end)) return false;
  }
  if (await holdsAny(hub, 'select from outbox limit 1')) return false;
  if (await holdsAny(insurer, 'select from outbox where sent_at is null limit 1')) return false;
  // What was published in between was published by one who was still at work.
  const after = await readEnds(admin, topics);
  return [...after].every(([partition, end]) => ends.get(partition) === end);
}

/** `topic/partition` → the offset that the next record gets. */
async function readEnds(admin: Admin, topics: readonly string[]): Promise<Map<string, string>> {
  const ends = new Map<string, string>();
  for (const topic of topics) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic))
      ends.set(`${topic}/${partition}`, high);
  }
  return ends;
}

async function readHere(hub: Exchange['hub']): Promise<Map<string, string>> {
  const { rows } = await hub.query<{ place: string; next: string }>(
    `select topic || '/' || partition as place, next_offset::text as next from applied_offset`,
  );
  return new Map(rows.map(({ place, next }) => [place, next]));
}

async function readThere(
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<Map<string, string>> {
  const committed = await admin.fetchOffsets({ groupId, topics: [...topics] });
  return new Map(
    committed.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [`${topic}/${partition}`, offset] as const),
    ),
  );
}

async function holdsAny(db: Exchange['hub'], text: string): Promise<boolean> {
  return (await db.query(text)).rows.length > 0;
}
