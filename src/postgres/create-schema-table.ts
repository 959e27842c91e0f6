import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { SchemaTable } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { translated } from './translate-error.ts';

/** Our own copy of every writer's schema; ids never change, so callers may keep them for good. */
export function createSchemaTable(deps: { readonly pool: pg.Pool }): SchemaTable {
  const { pool } = deps;
  return {
    intern: (definition) =>
      translated(async () => {
        const fingerprint = createHash('sha256').update(definition).digest();
        const known = await selectId(pool, fingerprint);
        if (known !== undefined) return known;
        await insertSchema(pool, fingerprint, definition);
        reach('start:schema-stored');
        return (await selectId(pool, fingerprint))!;
      }),
    load: (schemaRef) => translated(() => loadSchema(pool, schemaRef)),
  };
}

async function selectId(pool: pg.Pool, fingerprint: Buffer): Promise<number | undefined> {
  const { rows } = await pool.query<{ id: number }>('select id from "schema" where fingerprint = $1', [
    fingerprint,
  ]);
  return rows[0]?.id;
}

/** Of two replicas that meet a new schema at once, the second waits for the first and adds nothing. */
async function insertSchema(pool: pg.Pool, fingerprint: Buffer, definition: string): Promise<void> {
  await pool.query('insert into "schema" (fingerprint, definition) values ($1, $2) on conflict do nothing', [
    fingerprint,
    definition,
  ]);
}

async function loadSchema(pool: pg.Pool, schemaRef: number): Promise<string> {
  const { rows } = await pool.query<{ definition: string }>('select definition from "schema" where id = $1', [
    schemaRef,
  ]);
  if (rows[0] === undefined) throw new Error(`schema ${schemaRef} is not in the database`);
  return rows[0].definition;
}
