import type { RequestHandler } from 'express';
import type { Log } from '../ports.ts';
import { ProblemError } from './problem.ts';
import { sendProblem } from './send-problem.ts';

/** Answers for a handler that is too slow. The handler goes on, so an edit may still be stored: the caller asks again
 *  with the same idempotency key or revision, and both make that harmless. */
export function answerInTime(answerWithinMs: number, log: Log): RequestHandler {
  return (request, response, next) => {
    const timer = setTimeout(() => {
      const late = new ProblemError('timeout', 'A write may still take effect: repeat it unchanged.', {
        headers: { 'Retry-After': '5' },
      });
      sendProblem(late, request, response, log);
    }, answerWithinMs);
    timer.unref();
    response.once('close', () => clearTimeout(timer));
    next();
  };
}
