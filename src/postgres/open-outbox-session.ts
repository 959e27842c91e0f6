import pLimit from 'p-limit';
import pg from 'pg';
import type { OutboxSession } from '../ports.ts';
import { OUTBOX_CHANNEL } from './outbox-channel.ts';
import { translated } from './translate-error.ts';

/** How often the connection is asked whether it still lives, and how long it may take to answer. */
const HEARTBEAT_MS = 15_000;
const ANSWER_WITHIN_MS = 10_000;

/** A connection of its own that listens and holds locks. A lock belongs to the connection: PostgreSQL frees it when the
 *  connection ends, however that happens. A connection that died silently (a cut cable, a paused machine) is found out
 *  by a heartbeat, so `closed` resolves within half a minute and nobody works on under a lock that is gone. */
export async function openOutboxSession(
  databaseUrl: string,
  onWake: (shard: string) => void,
): Promise<OutboxSession> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'eassurance-bridge outbox',
    connectionTimeoutMillis: 5_000,
    query_timeout: ANSWER_WITHIN_MS,
    keepAlive: true,
  });
  const closed = new Promise<void>((resolve) => {
    client.once('end', () => resolve());
    client.on('error', () => resolve());
  });
  client.on('notification', (message) => onWake(message.payload ?? ''));
  try {
    await client.connect();
    await client.query(`listen ${OUTBOX_CHANNEL}`);
  } catch (error) {
    void client.end().catch(() => {});
    throw error;
  }
  const close = endOnce(client);
  // The shards ask at the same time; a pg client takes one query after the other.
  const inTurn = pLimit(1);
  const heartbeat = setInterval(() => {
    inTurn(() => client.query('select 1')).catch(close);
  }, HEARTBEAT_MS).unref();
  void closed.then(() => {
    clearInterval(heartbeat);
    return close();
  });

  const held = new Set<string>();
  return {
    // PostgreSQL would count a second lock by the same session, so the session remembers what it holds.
    tryLock: async (shard) => {
      if (held.has(shard)) return true;
      const taken = await translated(() => inTurn(() => tryLock(client, shard)));
      if (taken) held.add(shard);
      return taken;
    },
    closed,
    close,
  };
}

/** Ends the connection; a server that no longer answers is not waited for. */
function endOnce(client: pg.Client): () => Promise<void> {
  let ended: Promise<void> | undefined;
  return () =>
    (ended ??= new Promise((resolve) => {
      const giveUp = setTimeout(() => {
        client.connection.stream.destroy();
        resolve();
      }, 2_000);
      void client
        .end()
        .catch(() => {})
        .finally(() => {
          clearTimeout(giveUp);
          resolve();
        });
    }));
}

/** 64 bits of the shard's name: two shards never share a lock by accident. */
async function tryLock(client: pg.Client, shard: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    `select pg_try_advisory_lock(hashtextextended('outbox/' || $1, 0)) as taken`,
    [shard],
  );
  return rows[0]!.taken;
}
