import pg from 'pg';

/** Runs statements that fill the tables as a restore would: the tables' own indexes are made after the rows. */
export async function fillTables(
  client: pg.Client,
  tables: readonly string[],
  statements: readonly string[],
): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexname as name, indexdef as definition from pg_indexes
      where tablename = any($1) and indexname !~ '_pkey$|_key$'`,
    [tables],
  );
  await client.query(`set maintenance_work_mem = '512MB'`);
  for (const { name } of rows) await client.query(`drop index ${pg.escapeIdentifier(name)}`);
  for (const statement of statements) await client.query(statement);
  for (const { definition } of rows) await client.query(definition);
  await client.query(`vacuum (analyze) ${tables.map(pg.escapeIdentifier).join(', ')}`);
}
