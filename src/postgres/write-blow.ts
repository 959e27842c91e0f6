import type pg from 'pg';
import type { FuseBlow } from '../ports.ts';

/** A topic that stands still already, since another replica was faster, keeps the row that it has. */
export async function insertBlow(client: pg.ClientBase, blow: FuseBlow): Promise<void> {
  await client.query({
    name: 'insert-blow',
    text: `insert into topic_fuse (topic, counted, codes, samples) values ($1, $2, $3, $4)
           on conflict (topic) where resumed_at is null do nothing`,
    values: [blow.topic, blow.counted, JSON.stringify(blow.codes), JSON.stringify(blow.samples)],
  });
}
