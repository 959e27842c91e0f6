import pg from 'pg';
import { inTransaction } from './open-database.ts';

/** What a restore puts back. Kafka is no part of it: the group stands where it stood, so that what was received since the
 *  backup does not come again. */
const TABLES = ['inbox', 'record', 'outbox'] as const;

/** A backup of the platform's store, kept in its own database. */
export interface Backup {
  /** The schema that holds the copies. */
  readonly name: string;
  readonly takenAt: string;
}

/** Copies the store as it is at one moment. */
export async function backUp(pool: pg.Pool, now: Date): Promise<Backup> {
  return inTransaction(pool, async (tx) => {
    await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    const { rows } = await tx.query<{ name: string }>(
      `SELECT 'backup_' || (count(*) + 1) AS name FROM pg_namespace WHERE nspname LIKE 'backup\\_%'`,
    );
    const { name } = rows[0]!;
    await tx.query(`CREATE SCHEMA ${pg.escapeIdentifier(name)}`);
    for (const table of TABLES) await tx.query(`CREATE TABLE ${copyOf(name, table)} AS TABLE ${table}`);
    return { name, takenAt: now.toISOString() };
  });
}

/** Puts the store back to the backup, all at once: edits, events and acknowledgements since then are forgotten, what
 *  waited to be sent waits again. Event numbers go on, so that a reader of the log misses nothing. */
export async function restoreBackup(pool: pg.Pool, { name }: Backup): Promise<void> {
  await inTransaction(pool, async (tx) => {
    // In the order in which receipts and edits take them: whoever is at work finishes first, nobody waits in a circle.
    await tx.query(`LOCK TABLE ${TABLES.join(', ')} IN ACCESS EXCLUSIVE MODE`);
    await tx.query(`TRUNCATE ${TABLES.join(', ')}`);
    for (const table of TABLES) await tx.query(`INSERT INTO ${table} SELECT * FROM ${copyOf(name, table)}`);
  });
}

function copyOf(name: string, table: string): string {
  return `${pg.escapeIdentifier(name)}.${table}`;
}
