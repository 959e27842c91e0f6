import axios from 'axios';
import type { AxiosResponse } from 'axios';
import { BridgeError, PermanentError, TransientError } from '../domain/errors.ts';

/** What an answer that is no success means. The provider's words are left out: they may hold personal data. */
export function translateStatus(providerId: string, response: AxiosResponse, nowMs: number): BridgeError {
  const { status, headers } = response;
  if (status === 429) {
    return new TransientError('PROVIDER_THROTTLED', `${providerId} asks us to slow down (429)`, {
      retryAfterMs: readRetryAfter(headers['retry-after'], nowMs),
    });
  }
  if (status >= 500 || status === 408) {
    return new TransientError('PROVIDER_UNAVAILABLE', `${providerId} answered ${status}`, {
      retryAfterMs: readRetryAfter(headers['retry-after'], nowMs),
    });
  }
  if (status === 401 || status === 403) {
    return new PermanentError(
      'PROVIDER_UNAUTHORISED',
      `${providerId} refuses our API key (${status}): check PROVIDER_${providerId.toUpperCase()}_API_KEY`,
    );
  }
  if (status >= 300 && status < 400) {
    return new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} answered with a redirect (${status}), which is never followed: correct its address`,
    );
  }
  return new PermanentError(
    'PROVIDER_GARBAGE',
    `${providerId} answered ${status} to a request that its API must know`,
  );
}

/** What a request without an answer means. Never passes on the vendor's error: it holds our request, and so the key. */
export function translateFailure(providerId: string, error: unknown): unknown {
  if (error instanceof BridgeError || !axios.isAxiosError(error)) return error;
  const cause = new Error(error.message);
  cause.name = error.code ?? error.name;
  if (error.code === 'ERR_BAD_RESPONSE' && error.message.startsWith('maxContentLength')) {
    return new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} answered with more than we accept: ${error.message}`,
      { cause },
    );
  }
  return new TransientError('PROVIDER_UNAVAILABLE', `${providerId} can't be reached: ${cause.name}`, {
    cause,
  });
}

/** Milliseconds, from either form of the header (RFC 9110, 10.2.3). */
function readRetryAfter(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
