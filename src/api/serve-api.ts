import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { UsageError } from '../domain/errors.ts';
import type { Log } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';

export interface ServeApiDeps {
  readonly app: Express;
  readonly host: string;
  /** 0 takes a free one; `onListening` tells which. */
  readonly port: number;
  readonly log: Log;
  readonly onListening?: (url: string) => void;
}

/** Serves the API until `signal` aborts; then takes no more connections, finishes the requests in flight, closes each
 *  connection after its answer, and resolves. Rejects with a UsageError when it cannot listen there. */
export function serveApi(deps: ServeApiDeps): Service {
  return {
    name: 'api',
    async run(signal) {
      if (signal.aborted) return;
      const server = createServer(deps.app);
      const closed = Promise.withResolvers<void>();
      server.on('close', closed.resolve);
      closeConnectionsWhenStopping(server, signal);
      await listen(server, deps);
      const url = urlOf(server, deps.host);
      deps.log.info({ url }, 'the API is listening');
      deps.onListening?.(url);
      server.on('error', closed.reject);
      // Also closes the connections that are idle now.
      const stop = () => server.close();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      await closed.promise;
    },
  };
}

/** A kept-alive connection that was busy when the server closed would otherwise stay open until its client lets go. */
function closeConnectionsWhenStopping(server: Server, signal: AbortSignal): void {
  server.on('request', (_request, response) => {
    response.once('close', () => {
      // The connection counts as idle only after this event's turn.
      if (signal.aborted) setImmediate(() => server.closeIdleConnections());
    });
  });
}

async function listen(server: Server, { host, port }: ServeApiDeps): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('listening', listening.resolve);
  server.once('error', listening.reject);
  server.listen(port, host);
  try {
    await listening.promise;
  } catch (error) {
    throw new UsageError(explain(error, host, port), { cause: error });
  } finally {
    server.off('error', listening.reject);
  }
}

function explain(error: unknown, host: string, port: number): string {
  const code = (error as NodeJS.ErrnoException).code;
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken: stop what listens there, or set HTTP_PORT to a free one`;
    case 'EACCES':
      return `port ${port} on ${host} needs rights that this user lacks: set HTTP_PORT to one from 1024`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: set HTTP_HOST to one, such as 127.0.0.1 or 0.0.0.0`;
    default:
      return `the API cannot listen on ${host}:${port} (${code ?? String(error)}): check HTTP_HOST and HTTP_PORT`;
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
