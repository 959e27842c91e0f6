import type { Request, RequestHandler, Response } from 'express';
import type { ApiDeps } from './api-deps.ts';
import type { Caller, Trail } from './endpoint.ts';
import type { Span } from '../ports.ts';
import { readTrail } from './read-trail.ts';

/** What the middleware keeps beside a request. */
export interface RequestNotes {
  trail: Trail;
  /** The route's pattern; a path with its ids would make one metric per entity. */
  route: string;
  /** Of the API key that was sent; null before it is read, and where none was. */
  secretHash: string | null;
  caller: Caller | null;
}

export function notesOf(response: Response): RequestNotes {
  return response.locals as RequestNotes;
}

/** Gives every request its trail, echoes the correlation id, and on its end writes one access line, one measurement and
 *  one span. They name the route's pattern, and the line the key's id: no path (people search by plate), no query value,
 *  no body, no address. */
export function traceRequests(
  deps: Pick<ApiDeps, 'log' | 'clock' | 'newId' | 'metrics' | 'tracing'>,
): RequestHandler {
  return (request, response, next) => {
    const startedMs = deps.clock();
    const notes = notesOf(response);
    const span = deps.tracing.startSpan({
      name: request.method,
      kind: 'server',
      parent: request.get('traceparent'),
      attributes: { 'http.request.method': request.method, 'url.scheme': request.protocol },
    });
    notes.trail = readTrail(
      { correlationId: request.get('X-Correlation-Id'), traceparent: span.traceparent ?? undefined },
      deps.newId,
    );
    notes.route = 'unmatched';
    notes.secretHash = null;
    notes.caller = null;
    response.set('X-Correlation-Id', notes.trail.correlationId);
    response.once('close', () => {
      const seconds = (deps.clock() - startedMs) / 1000;
      deps.metrics.http(request.method, notes.route, response.statusCode, seconds);
      endSpan(span, request, response);
      const line = {
        method: request.method,
        route: notes.route,
        status: response.statusCode,
        answered: response.writableFinished,
        ms: Math.round(seconds * 1000),
        key: notes.caller?.keyId,
        correlationId: notes.trail.correlationId,
      };
      const level = request.method === 'GET' || request.method === 'HEAD' ? 'debug' : 'info';
      deps.log[level](line, 'request');
    });
    next();
  };
}

/** Ours is only what ends with a 5xx, or with nothing at all. */
function endSpan(span: Span, request: Request, response: Response): void {
  const { route, caller, trail } = notesOf(response);
  const { statusCode, writableFinished } = response;
  span.note(
    {
      'http.route': route,
      'http.response.status_code': statusCode,
      'bridge.correlation_id': trail.correlationId,
      'bridge.api_key.id': caller?.keyId,
    },
    `${request.method} ${route}`,
  );
  span.end(!writableFinished ? 'aborted' : statusCode >= 500 ? String(statusCode) : undefined);
}
