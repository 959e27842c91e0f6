import { once } from 'node:events';
import http from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a provider's API was asked. */
export interface Seen {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  readonly etag: string | undefined;
}

export type Respond = (seen: Seen, response: ServerResponse) => void;

export interface ProviderServer {
  readonly url: string;
  readonly seen: readonly Seen[];
  /** Requests whose connection the client has given up. */
  readonly abandoned: () => number;
  respond: Respond;
  close(): Promise<void>;
}

/** A real HTTP server on a free port, answering whatever the test at hand says. */
export async function startProviderServer(respond: Respond): Promise<ProviderServer> {
  const seen: Seen[] = [];
  let abandoned = 0;
  const server = http.createServer((request, response) => {
    const asked = describe(request);
    seen.push(asked);
    response.on('close', () => {
      if (!response.writableFinished) abandoned += 1;
    });
    provider.respond(asked, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider: ProviderServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    abandoned: () => abandoned,
    respond,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function describe({ url, headers }: IncomingMessage): Seen {
  const { pathname, searchParams } = new URL(url ?? '/', 'http://provider');
  const header = (name: string) => (typeof headers[name] === 'string' ? headers[name] : undefined);
  return {
    path: pathname,
    query: Object.fromEntries(searchParams),
    key: header('x-api-key'),
    etag: header('if-none-match'),
  };
}
