/** Every way in which the API says no. The name ends the problem's `type` (RFC 9457) and never changes its meaning:
 *  clients may switch on it. A URN, so that no outside host is implied. */
export const PROBLEMS = {
  'malformed-json': { status: 400, title: 'The body is not JSON' },
  'invalid-request': { status: 400, title: 'The path, the query or a header breaks a rule' },
  unauthenticated: { status: 401, title: 'No valid API key' },
  forbidden: { status: 403, title: 'This API key may not do that' },
  'not-found': { status: 404, title: 'No such entity' },
  'no-such-route': { status: 404, title: 'No such route' },
  'method-not-allowed': { status: 405, title: 'The route has no such method' },
  clash: { status: 409, title: 'What you changed has moved since you opened it' },
  'unknown-base': { status: 409, title: 'The base revision is not in the history' },
  'conflict-settled': { status: 409, title: 'The conflict was settled before' },
  'topic-state': { status: 409, title: 'The topic is not in a state for that' },
  'quarantine-settled': { status: 409, title: 'The record in quarantine was settled before' },
  'edit-waiting': { status: 409, title: 'Another edit of this record waits' },
  'edit-decided': { status: 409, title: 'The edit was decided before' },
  'second-person-needed': { status: 409, title: 'Another person has to approve it' },
  unattributable: { status: 409, title: 'The record can not be attributed to an entity' },
  'topic-unknown': { status: 409, title: 'The topic is no longer ours' },
  erased: { status: 410, title: 'The entity was erased' },
  'revision-moved': { status: 412, title: 'The entity has another revision' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'event-too-large': { status: 413, title: 'The event would not fit the topic' },
  'unsupported-media-type': { status: 415, title: 'The media type is not accepted here' },
  validation: { status: 422, title: 'The body breaks a rule' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used with another request' },
  'precondition-required': { status: 428, title: 'Say which revision the edit is based on' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something is wrong here' },
  'provider-unavailable': { status: 502, title: "The provider's platform did not answer properly" },
  unavailable: { status: 503, title: 'A part of the bridge is not available' },
  timeout: { status: 503, title: 'The answer took too long' },
} as const satisfies Record<string, { readonly status: number; readonly title: string }>;

export type ProblemName = keyof typeof PROBLEMS;

export const PROBLEM_TYPE_PREFIX = 'urn:eassurance:problem:';

/** One rule that the request breaks. `pointer` is an RFC 6901 JSON pointer into the part of the request named by `in`. */
export interface RequestViolation {
  readonly in: 'body' | 'path' | 'query' | 'header';
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** Thrown by a handler to answer with a problem document. `extra` becomes members of the document, so it holds nothing
 *  that the caller may not see. */
export class ProblemError extends Error {
  readonly problem: ProblemName;
  readonly extra: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    problem: ProblemName,
    detail: string,
    more: {
      readonly extra?: Readonly<Record<string, unknown>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.problem = problem;
    this.extra = more.extra ?? {};
    this.headers = more.headers ?? {};
  }
}

/** The problem document (RFC 9457). `instance` is the path without its query: queries carry plates and policy numbers. */
export function problemDocument(
  error: ProblemError,
  request: { readonly path: string; readonly correlationId: string },
): Record<string, unknown> {
  const { status, title } = PROBLEMS[error.problem];
  return {
    type: `${PROBLEM_TYPE_PREFIX}${error.problem}`,
    title,
    status,
    detail: error.message,
    instance: request.path,
    correlationId: request.correlationId,
    ...error.extra,
  };
}
