import type pg from 'pg';
import type { Load } from './compose-load.ts';

/** The newest stored event, which what is drained comes after. */
export async function lastSequence(db: pg.Pool): Promise<string> {
  const { rows } = await db.query<{ last: string }>('select coalesce(max(sequence), 0) as last from event');
  return rows[0]!.last;
}

/** Holds every row that was made or changed after `before` against what the insurers reckon; throws with the first
 *  difference. */
export async function checkEnding(db: pg.Pool, load: Load, before: string): Promise<void> {
  const fail = (what: string) => {
    throw new Error(`the bench ends with another state than the insurer's: ${what}`);
  };
  const { rows } = await db.query<{ id: string; revision: Record<string, number>; digest: string }>(
    `select c.id, c.revision, encode(c.digest, 'hex') as digest
       from event e join constat c on c.id = e.entity_id and c.event_id = e.event_id where e.sequence > $1`,
    [before],
  );
  if (rows.length !== load.expected.size) fail(`${rows.length} constats instead of ${load.expected.size}`);
  for (const { id, revision, digest } of rows) {
    const wanted = load.expected.get(id);
    if (!wanted || wanted.counter !== revision[wanted.provider] || wanted.digest !== digest)
      fail(`constat ${id} at ${JSON.stringify(revision)} with ${digest}`);
  }
  const { rows: counts } = await db.query<{ events: number; bytes: number; poison: number }>(
    `select count(*)::int as events, count(bytes)::int as bytes,
            (select coalesce(sum(attempts), 0)::int from quarantine) as poison
       from event where sequence > $1`,
    [before],
  );
  const { events, bytes, poison } = counts[0]!;
  if (events !== load.distinctEvents || bytes !== events) fail(`${events} events, ${bytes} with bytes`);
  if (poison !== load.poison) fail(`${poison} records in quarantine instead of ${load.poison}`);
}
