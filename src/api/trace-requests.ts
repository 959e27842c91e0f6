import type { RequestHandler, Response } from 'express';
import type { ApiDeps } from './api-deps.ts';
import type { Caller, Trail } from './endpoint.ts';
import { readTrail } from './read-trail.ts';

/** What the middleware keeps beside a request. */
export interface RequestNotes {
  trail: Trail;
  /** The route's pattern; a path with its ids would make one metric per entity. */
  route: string;
  caller: Caller | null;
}

export function notesOf(response: Response): RequestNotes {
  return response.locals as RequestNotes;
}

/** Gives every request its trail, echoes the correlation id, and on its end writes one access line and one measurement.
 *  The line names the key's id and the route's pattern: no path, no query value, no body, no address. */
export function traceRequests(deps: Pick<ApiDeps, 'log' | 'clock' | 'newId' | 'metrics'>): RequestHandler {
  return (request, response, next) => {
    const startedMs = deps.clock();
    const notes = notesOf(response);
    notes.trail = readTrail(
      { correlationId: request.get('X-Correlation-Id'), traceparent: request.get('traceparent') },
      deps.newId,
    );
    notes.route = 'unmatched';
    notes.caller = null;
    response.set('X-Correlation-Id', notes.trail.correlationId);
    response.once('close', () => {
      const seconds = (deps.clock() - startedMs) / 1000;
      deps.metrics.http(request.method, notes.route, response.statusCode, seconds);
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
