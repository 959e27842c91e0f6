import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import type * as z from 'zod';
import type { Answer, Endpoint, GuardedEndpoint, Inquiry } from './endpoint.ts';
import { ProblemError, type RequestViolation } from './problem.ts';
import { notesOf } from './trace-requests.ts';
import { violationsOf } from './validate-request.ts';

type AnyInquiry = Inquiry<Record<string, unknown>, Record<string, unknown>, Record<string, unknown>, unknown>;

/** Puts the endpoints on the app, each behind what its description asks for, and answers 405 for their paths' other
 *  methods. HEAD comes with GET. */
export function mountEndpoints(
  app: Express,
  endpoints: readonly Endpoint[],
  admit: (endpoint: GuardedEndpoint) => readonly RequestHandler[],
  bodyBytes: number,
): void {
  const byPath = Map.groupBy(endpoints, ({ path }) => path);
  for (const [path, group] of byPath) {
    const route = app.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    route.all((_request, response, next) => {
      notesOf(response).route = path;
      next();
    });
    for (const endpoint of group) route[endpoint.method](...handlersOf(endpoint, admit, bodyBytes));
    route.all(refuseMethod(group));
  }
}

function handlersOf(
  endpoint: Endpoint,
  admit: (endpoint: GuardedEndpoint) => readonly RequestHandler[],
  bodyBytes: number,
): RequestHandler[] {
  if (endpoint.access === 'open') {
    return [async (_request, response) => send(response, await endpoint.handle())];
  }
  return [
    ...admit(endpoint),
    demandScope(endpoint),
    ...(endpoint.body ? [demandMediaType(endpoint.body.mediaTypes), readJson(bodyBytes)] : []),
    async (request, response) =>
      send(response, await endpoint.handle(readInquiry(endpoint, request, response))),
  ];
}

function demandScope(endpoint: GuardedEndpoint): RequestHandler {
  return (_request, response, next) => {
    const scope = notesOf(response).caller!.scope;
    if (!endpoint.access.includes(scope)) {
      throw new ProblemError(
        'forbidden',
        `This needs a key of scope ${endpoint.access.join(' or ')}; yours is ${scope}.`,
      );
    }
    next();
  };
}

function demandMediaType(mediaTypes: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    const found = request.is([...mediaTypes]);
    if (found === null) throw new ProblemError('malformed-json', 'A body is needed here.');
    if (found === false) {
      throw new ProblemError('unsupported-media-type', `Send the body as ${mediaTypes.join(' or ')}.`, {
        headers: { [request.method === 'PATCH' ? 'Accept-Patch' : 'Accept-Post']: mediaTypes.join(', ') },
      });
    }
    next();
  };
}

/** Any JSON value is read; whether it is the right one is the schema's matter. The parser would take an empty body for {}. */
function readJson(limit: number): RequestHandler {
  return express.json({
    limit,
    strict: false,
    type: () => true,
    verify: (_request, _response, bytes) => {
      if (bytes.length === 0) throw new ProblemError('malformed-json', 'A body is needed here.');
    },
  });
}

/** Validates every part before complaining, so that the caller learns of all faults at once. */
function readInquiry(endpoint: GuardedEndpoint, request: Request, response: Response): AnyInquiry {
  const { caller, trail } = notesOf(response);
  const violations: RequestViolation[] = [];
  const check = (schema: z.ZodType, value: unknown, part: RequestViolation['in']): unknown => {
    const parsed = schema.safeParse(value);
    if (!parsed.success) violations.push(...violationsOf(parsed.error, part));
    return parsed.data;
  };
  const headers = Object.fromEntries(
    Object.keys(endpoint.headers.shape).map((name) => [name, request.get(name)]),
  );
  const inquiry = {
    params: check(endpoint.params, request.params, 'path'),
    query: check(endpoint.query, request.query, 'query'),
    headers: check(endpoint.headers, headers, 'header'),
    body: endpoint.body ? check(endpoint.body.schema, request.body, 'body') : undefined,
    caller: caller!,
    trail,
  } as AnyInquiry;
  if (violations.length === 0) return inquiry;
  const onlyBody = violations.every((violation) => violation.in === 'body');
  throw new ProblemError(
    onlyBody ? 'validation' : 'invalid-request',
    '`violations` lists every broken rule.',
    {
      extra: { violations },
    },
  );
}

function send(response: Response, answer: Answer): void {
  // The time limit may have answered already.
  if (response.headersSent) return;
  const { status, headers, body, contentType } = answer;
  response.status(status).set(headers ?? {});
  if (body === null) response.end();
  else if (contentType !== undefined) response.set('Content-Type', contentType).send(body);
  else sendJson(response, JSON.stringify(body));
}

/** As `response.json` does, for a body that is whole and without a tag of its own to be found: Express's general way takes
 *  as long as the rest of a read. */
function sendJson(response: Response, text: string): void {
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

function refuseMethod(group: readonly Endpoint[]): RequestHandler {
  const methods = group.map(({ method }) => method.toUpperCase());
  const allow = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
  return (request) => {
    throw new ProblemError('method-not-allowed', `${request.method} is not possible here.`, {
      headers: { Allow: allow },
    });
  };
}
