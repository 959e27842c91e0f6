import axios from 'axios';
import type { AxiosResponse } from 'axios';
import { PermanentError, TransientError } from '../domain/errors.ts';
import type { Clock, Tracing } from '../ports.ts';
import { createAgents } from './connect-timeout.ts';
import type { ProviderApiLimits } from './provider-limits.ts';
import { translateFailure, translateStatus } from './translate-error.ts';

export interface Request {
  readonly path: string;
  /** The path's pattern, without ids. */
  readonly route: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly etag: string | null;
  readonly signal: AbortSignal | undefined;
}

export type Answer =
  | { readonly status: 'ok'; readonly body: unknown; readonly etag: string | null }
  | { readonly status: 'unchanged' }
  | { readonly status: 'missing' };

export interface SenderDeps {
  readonly providerId: string;
  /** Without `/v1`. */
  readonly url: string;
  readonly apiKey: string;
  /** The other live key, while the provider rotates them. */
  readonly apiKeyNext?: string | undefined;
  readonly clock: Clock;
  readonly tracing: Tracing;
}

/** Sends one request with the key that worked last; on 401 the other live key is tried, once, and remembered if it works.
 *  Resolves for an answer that the API is meant to give, and throws a translated error for every other. No key is ever
 *  part of an error, redirects are not followed, and an abort by the caller is thrown as its reason: except a deadline
 *  (`AbortSignal.timeout`), which counts as the provider's failure to answer. Each attempt is a span, which the provider
 *  may continue. */
export function createSender(
  deps: SenderDeps,
  limits: ProviderApiLimits,
): (request: Request) => Promise<Answer> {
  const { providerId, clock, tracing } = deps;
  const { hostname, port, protocol } = new URL(deps.url);
  const client = axios.create({
    baseURL: deps.url.replace(/\/+$/, ''),
    timeout: limits.readTimeoutMs,
    maxContentLength: limits.maxAnswerBytes,
    maxRedirects: 0,
    // Settings come from one place; axios would also take a proxy from variables of its own.
    proxy: false,
    responseType: 'text',
    transformResponse: (body: unknown) => body,
    headers: { accept: 'application/json' },
    validateStatus: () => true,
    ...createAgents(limits.connectTimeoutMs),
  });
  const keys = deps.apiKeyNext === undefined ? [deps.apiKey] : [deps.apiKey, deps.apiKeyNext];
  let working = 0;

  return async function send(request) {
    let response = await sendWith(working, request);
    if (response.status === 401 && keys.length > 1) {
      const other = 1 - working;
      response = await sendWith(other, request);
      if (response.status !== 401) working = other;
    }
    const { status, data, headers } = response;
    if (status === 304 && request.etag !== null) return { status: 'unchanged' };
    if (status === 404 && request.params === undefined) return { status: 'missing' };
    if (status !== 200) throw translateStatus(providerId, response, clock());
    const etag: unknown = headers['etag'];
    return { status: 'ok', body: parseJson(providerId, data), etag: typeof etag === 'string' ? etag : null };
  };

  async function sendWith(key: number, request: Request): Promise<AxiosResponse<unknown>> {
    const span = tracing.startSpan({
      name: `GET ${request.route}`,
      kind: 'client',
      attributes: {
        'http.request.method': 'GET',
        'url.template': request.route,
        'server.address': hostname,
        'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
        'bridge.provider': providerId,
      },
    });
    try {
      const response = await get(key, request, span.traceparent);
      const { status } = response;
      span.note({ 'http.response.status_code': status });
      span.end(status >= 400 ? String(status) : undefined);
      return response;
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  async function get(
    key: number,
    { path, params, etag, signal }: Request,
    traceparent: string | null,
  ): Promise<AxiosResponse<unknown>> {
    const deadline = AbortSignal.timeout(limits.answerTimeoutMs);
    const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
    try {
      return await client.get(path, {
        params,
        signal: either,
        headers: {
          'x-api-key': keys[key],
          ...(etag === null ? {} : { 'if-none-match': etag }),
          ...(traceparent === null ? {} : { traceparent }),
        },
      });
    } catch (error) {
      if (!either.aborted) throw translateFailure(providerId, error);
      if (!isDeadline(either)) throw either.reason;
      throw new TransientError('PROVIDER_UNAVAILABLE', `${providerId} did not answer in time`);
    }
  }
}

function isDeadline(signal: AbortSignal): boolean {
  return signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
}

function parseJson(providerId: string, body: unknown): unknown {
  try {
    return JSON.parse(String(body));
  } catch {
    // Not passed on as a cause: its message quotes the body, which may be personal.
    throw new PermanentError('PROVIDER_GARBAGE', `${providerId} answered with something that is not JSON`);
  }
}
