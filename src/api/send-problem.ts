import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Log } from '../ports.ts';
import { problemOf } from './answer-failure.ts';
import { PROBLEMS, problemDocument } from './problem.ts';
import { notesOf } from './trace-requests.ts';

/** Answers with the problem document of whatever was thrown, unless an answer has begun; then the connection is cut, so
 *  that half an answer is never taken for a whole one. Faults on our side are logged with the correlation id. */
export function sendProblem(error: unknown, request: Request, response: Response, log: Log): void {
  const problem = problemOf(error);
  const { trail, route } = notesOf(response);
  const { status } = PROBLEMS[problem.problem];
  if (status >= 500) {
    const level = problem.problem === 'internal' ? 'error' : 'warn';
    log[level]({ err: error, correlationId: trail.correlationId, route }, 'a request failed');
  }
  if (response.headersSent) {
    if (!response.writableEnded) response.destroy();
    return;
  }
  response
    .status(status)
    .set(problem.headers)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .send(
      JSON.stringify(problemDocument(problem, { path: request.path, correlationId: trail.correlationId })),
    );
}

/** Express's last resort. It recognises an error handler by its four parameters. */
export function problemHandler(log: Log): ErrorRequestHandler {
  return (error, request, response, _next) => sendProblem(error, request, response, log);
}
