import { setTimeout as delay } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import type { FaultKnobs } from './faults.ts';
import { sendProblem } from './problem.ts';

/** The GET API on a bad day, as the knob `api` says; passes everything on while it says `none`. */
export function misbehave(faults: FaultKnobs): RequestHandler {
  return async (_request, response, next) => {
    const { api, apiDelayMs } = faults.current();
    switch (api) {
      case 'none':
        return next();
      case '500':
        return sendProblem(response, 500, 'INTERNAL', 'The platform failed.');
      case '401':
        return sendProblem(response, 401, 'UNAUTHORISED', 'X-API-Key is missing or not a live key.');
      case '429':
        response.set('Retry-After', String(Math.ceil(apiDelayMs / 1_000)));
        return sendProblem(response, 429, 'TOO_MANY_REQUESTS', 'Slow down.');
      case 'garbage':
        // A proxy's page with the wrong media type, cut off: what a maintenance window looks like.
        response.status(200).type('application/json').send('<html><body>Service momentan\u00e9ment indispo');
        return;
      case 'slow':
        await delay(apiDelayMs);
        return next();
      case 'never':
        // The connection stays open and silent until the caller gives up or the server stops.
        return;
    }
  };
}
