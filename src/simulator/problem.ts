import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { ZodError } from 'zod';
import { PlatformError } from './platform-error.ts';

/** RFC 9457. `code` is the stable part of the type. */
export function sendProblem(
  response: Response,
  status: number,
  code: string,
  detail: string,
  more: object = {},
): void {
  const type = `urn:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type, title: code.toLowerCase().replaceAll('_', ' '), status, detail, ...more }));
}

export const answerUnknownPath: RequestHandler = (request, response) =>
  sendProblem(response, 404, 'NOT_FOUND', `There is nothing at ${request.path}.`);

export function answerError(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) return next(error);
    if (error instanceof PlatformError) {
      return sendProblem(
        response,
        error.status,
        error.code,
        error.message,
        error.current ? { current: error.current } : {},
      );
    }
    if (error instanceof ZodError) {
      const errors = error.issues.map(({ path, message }) => ({ pointer: `/${path.join('/')}`, message }));
      return sendProblem(response, 400, 'BAD_REQUEST', 'The request is not as the API describes it.', {
        errors,
      });
    }
    const { status } = error as { status?: unknown };
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return sendProblem(response, status, 'BAD_REQUEST', (error as Error).message);
    }
    log.error({ err: error, path: request.path }, 'a request failed');
    sendProblem(response, 500, 'INTERNAL', 'The platform failed.');
  };
}
