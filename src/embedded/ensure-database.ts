import { createHmac } from 'node:crypto';
import pg from 'pg';

/** Makes the database unless it is there, with a role of the same name that owns it and can reach no other of these
 *  databases; returns the URL with which that role logs in. The role is no superuser. Its password is derived from the
 *  server's own, so that it is the same with every start. */
export async function ensureDatabase(serverUrl: string, name: string): Promise<string> {
  const url = new URL(serverUrl);
  const password = createHmac('sha256', decodeURIComponent(url.password))
    .update(`role ${name}`)
    .digest('hex');
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const id = client.escapeIdentifier(name);
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = $1) as role,
              exists (select from pg_database where datname = $1) as database`,
      [name],
    );
    if (!rows[0]!.role)
      await client.query(`create role ${id} login password ${client.escapeLiteral(password)}`);
    if (!rows[0]!.database) {
      await client.query(`create database ${id} owner ${id}`);
      await client.query(`revoke connect on database ${id} from public`);
    }
  } finally {
    await client.end();
  }
  url.username = name;
  url.password = password;
  url.pathname = `/${name}`;
  return url.href;
}
