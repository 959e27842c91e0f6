import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import express from 'express';
import { agentApi } from './agent-api.ts';
import type { Edits, PlatformSettings } from './create-platform.ts';
import { getApi } from './get-api.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { answerError, answerUnknownPath } from './problem.ts';

/** Both APIs on one port, listening when this resolves: `/v1` for E-assurance, `/agent` for the insurer's own staff.
 *  Rejects when the port is taken. */
export async function serveHttp(
  settings: PlatformSettings,
  edits: Edits,
  deps: PlatformDeps,
): Promise<Server> {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use('/v1', getApi(settings, deps));
  app.use('/agent', agentApi(settings, edits, deps));
  app.use(answerUnknownPath);
  app.use(answerError(deps.log));
  const server = createServer(app);
  server.listen(settings.port, settings.host ?? '127.0.0.1');
  await once(server, 'listening');
  return server;
}
