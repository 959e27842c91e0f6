import express, { type Express } from 'express';
import helmet from 'helmet';
import * as z from 'zod';
import type { EntityKind } from '../domain/kind.ts';
import { admitCallers } from './admit-callers.ts';
import { answerInTime } from './answer-in-time.ts';
import type { ApiDeps } from './api-deps.ts';
import { controlTopics } from './control-topics.ts';
import { constatState } from './constat-schema.ts';
import { describeApi } from './describe-api.ts';
import { editQuarantine } from './edit-quarantine.ts';
import type { Endpoint } from './endpoint.ts';
import { entitySchema } from './entity-document.ts';
import { explainEndpoints } from './explain-endpoints.ts';
import { listProviders } from './list-providers.ts';
import { mountEndpoints } from './mount-endpoint.ts';
import { ProblemError } from './problem.ts';
import { readConflicts } from './read-conflicts.ts';
import { readEntities } from './read-entities.ts';
import { readQuarantine } from './read-quarantine.ts';
import { readHistory } from './read-history.ts';
import { readLag } from './read-lag.ts';
import { refreshConstat } from './refresh-constat.ts';
import { reportHealth } from './report-health.ts';
import { problemHandler } from './send-problem.ts';
import { settleConflict } from './settle-conflict.ts';
import { docsAssets, docsEndpoint } from './show-docs.ts';
import { traceRequests } from './trace-requests.ts';
import { workQuarantine } from './work-quarantine.ts';
import { writeConstats } from './write-constats.ts';

export { DEFAULT_LIMITS } from './api-deps.ts';
export type { ApiDeps, ApiLimits, RefreshResult } from './api-deps.ts';

/** The whole HTTP API. Everything that it can do is one list of endpoints: from it come the routes, their validation and
 *  the OpenAPI document. Opens no connection; `serveApi` listens. */
export function createApi(deps: ApiDeps): Express {
  const endpoints: readonly Endpoint[] = [
    ...entityEndpoints(deps),
    ...readConflicts(deps),
    settleConflict(deps),
    ...explainEndpoints(deps),
    ...readQuarantine(deps),
    ...workQuarantine(deps),
    ...editQuarantine(deps),
    listProviders(deps),
    ...controlTopics(deps),
    readLag(deps),
    ...reportHealth(deps),
    docsEndpoint,
    openApiEndpoint(() => document),
  ];
  const document = describeApi(endpoints, deps.version);

  const app = express();
  app.disable('x-powered-by');
  // Only entities have tags, and theirs is the revision.
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(traceRequests(deps));
  app.use(helmet(SECURITY_HEADERS));
  app.use(answerInTime(deps.limits.answerWithinMs, deps.log));
  app.use('/docs', docsAssets());
  mountEndpoints(app, endpoints, admitCallers(deps), deps.limits.bodyBytes);
  app.use(() => {
    throw new ProblemError('no-such-route', 'The API is described at /docs and /openapi.json.');
  });
  app.use(problemHandler(deps.log));
  return app;
}

/** Every kind can be read; constats can be written too. */
function entityEndpoints(deps: ApiDeps): readonly Endpoint[] {
  return [...deps.topology.kinds.values()].flatMap((kind) => {
    const document = entitySchema(kind, STATE_SCHEMAS[kind.name] ?? anyState(kind));
    const writes =
      kind.name === 'constat'
        ? [...writeConstats(kind, document, deps), refreshConstat(kind, document, deps)]
        : [];
    return [...readEntities(kind, document, deps), readHistory(kind, deps), ...writes];
  });
}

const STATE_SCHEMAS: Readonly<Record<string, z.ZodType>> = { constat: constatState };

function anyState(kind: EntityKind): z.ZodType {
  return z
    .record(z.string(), z.unknown())
    .meta({ description: `Field for field as in schemas/${kind.name}.avsc.` });
}

function openApiEndpoint(document: () => object): Endpoint {
  return {
    method: 'get',
    path: '/openapi.json',
    operationId: 'get-openapi',
    tag: 'operation',
    access: 'open',
    summary: 'This API, for machines (OpenAPI 3.1)',
    responses: { 200: { description: 'The document', schema: z.looseObject({}) } },
    problems: [],
    handle: async () => ({ status: 200, body: document() }),
  };
}

/** Own scripts and styles alone; inline styles are what Swagger UI cannot do without. `upgrade-insecure-requests` is
 *  left out: behind a proxy that ends TLS, and in the demo, the page is served over plain HTTP. */
const SECURITY_HEADERS: Parameters<typeof helmet>[0] = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      connectSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
};
