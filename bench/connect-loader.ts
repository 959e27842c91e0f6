import pg from 'pg';

/** For statements that take minutes: the connection is cut when the bench is asked to stop, and they reject. */
export async function connectLoader(url: string, signal: AbortSignal): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const cut = () => client.connection.stream.destroy();
  signal.addEventListener('abort', cut, { once: true });
  client.once('end', () => signal.removeEventListener('abort', cut));
  return client;
}
