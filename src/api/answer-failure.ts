import { MovedError, PermanentError, TransientError } from '../domain/errors.ts';
import { ProblemError } from './problem.ts';

/** What is said of an outage that its code alone does not explain to whoever edits. */
const SENTENCES: Readonly<Record<string, string>> = {
  DATABASE_FULL: 'The database has no room left; nothing was stored. Operators have to make room first.',
  DATABASE_READ_ONLY: 'The database takes no writes at the moment; nothing was stored. Reading still works.',
  OUTBOX_FULL:
    'Too many edits wait to be sent to this insurer; nothing was stored. New ones are taken once its topics can be written again.',
};

/** The problem to answer with, whatever was thrown. What nobody foresaw becomes `internal`: its words stay in the log,
 *  for they may hold anything. */
export function problemOf(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof MovedError) {
    return new ProblemError(
      'unavailable',
      'Others are editing this entity right now; try again.',
      retryAfter(1000),
    );
  }
  if (error instanceof TransientError) {
    return new ProblemError('unavailable', SENTENCES[error.code] ?? 'Nothing was decided; try again later.', {
      ...retryAfter(error.retryAfterMs ?? 5000),
      extra: { code: error.code },
    });
  }
  if (error instanceof PermanentError && error.code === 'UNENCODABLE') {
    const violation = { in: 'body', pointer: '', code: 'unencodable', message: error.message };
    return new ProblemError('validation', 'The state does not fit the contract.', {
      extra: { violations: [violation] },
    });
  }
  if (error instanceof PermanentError && error.code === 'ERASED') {
    return new ProblemError('erased', 'It was erased since.');
  }
  if (error instanceof PermanentError && error.code === 'NOT_EDITABLE') {
    return new ProblemError('forbidden', 'topics.yaml does not let E-assurance write this.');
  }
  return (
    bodyProblem(error) ??
    new ProblemError('internal', 'The fault is on our side and was logged under the correlation id.')
  );
}

/** Faults that Express and its body parser name by `type` or `status`, translated here alone. */
function bodyProblem(error: unknown): ProblemError | undefined {
  const { type, status, limit } = (error ?? {}) as { type?: unknown; status?: unknown; limit?: unknown };
  switch (type) {
    case 'entity.parse.failed':
      return new ProblemError('malformed-json', 'The body is not well-formed JSON.');
    case 'entity.too.large':
      return new ProblemError('body-too-large', `A body holds at most ${String(limit)} bytes.`, {
        extra: { limit },
      });
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ProblemError(
        'unsupported-media-type',
        'Send the body as UTF-8 JSON, plain or compressed with gzip, deflate or br.',
      );
    case 'request.aborted':
    case 'request.size.invalid':
      return new ProblemError('malformed-json', 'The body ended before its announced length.');
    default:
      return status === 400
        ? new ProblemError('invalid-request', 'The path or the body is not properly encoded.')
        : undefined;
  }
}

function retryAfter(ms: number): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) } };
}
