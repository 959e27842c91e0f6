import CircuitBreaker from 'opossum';
import pLimit from 'p-limit';
import pRetry from 'p-retry';
import { BridgeError, PermanentError, TransientError } from '../domain/errors.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ProviderApi } from '../ports.ts';
import { raceAbort, sleep } from '../runtime/sleep.ts';
import { createSender } from './create-sender.ts';
import type { Answer, Request, SenderDeps } from './create-sender.ts';
import { DEFAULT_LIMITS } from './provider-limits.ts';
import type { ProviderApiLimits } from './provider-limits.ts';
import { readPage, readRecord } from './read-answer.ts';

export interface ProviderApiDeps extends SenderDeps {
  readonly limits?: Partial<ProviderApiLimits>;
}

/** The GET API of one provider. Each has its own connections, bulkhead and circuit, so that one that hangs uses up nothing
 *  of another's. Network errors, 429 and 5xx are tried again a few times; while the circuit is open nothing is sent. */
export function createProviderApi(deps: ProviderApiDeps): ProviderApi {
  const { providerId, clock } = deps;
  const limits = { ...DEFAULT_LIMITS, ...deps.limits };
  const limit = pLimit(limits.concurrency);
  const breaker = createBreaker(createSender(deps, limits), limits);
  let lastError: string | null = null;
  let lastSuccessMs: number | null = null;

  async function get<T>(request: Request, read: (answer: Answer) => T): Promise<T> {
    try {
      if (limit.pendingCount >= limits.maxQueued) {
        throw new TransientError(
          'PROVIDER_UNAVAILABLE',
          `${limits.maxQueued} requests to ${providerId} are waiting already`,
        );
      }
      const sent = limit(() => retryFew(() => fire(request), limits, request.signal));
      const result = read(await raceAbort(sent, request.signal));
      lastError = null;
      lastSuccessMs = clock();
      return result;
    } catch (error) {
      noteFailure(error);
      throw error;
    }
  }

  /** That the circuit is open says nothing new: what opened it stays the reason. */
  function noteFailure(error: unknown): void {
    if (error instanceof BridgeError && error.code !== 'CIRCUIT_OPEN') lastError = error.code;
  }

  async function fire(request: Request): Promise<Answer> {
    try {
      return await breaker.fire(request);
    } catch (error) {
      // Known before the retries have ended: with a provider that never answers they take half a minute.
      noteFailure(error);
      if (!isOpenBreaker(error)) throw error;
      throw new TransientError(
        'CIRCUIT_OPEN',
        `${providerId} has failed too often and is left alone for a moment`,
      );
    }
  }

  return {
    providerId,
    fetchOne: (kind, id, etag, signal) =>
      get(one(kind, id, etag, signal), (answer) => {
        if (answer.status !== 'ok') return { status: answer.status };
        const record = readRecord(providerId, kind, answer.body);
        if (record.state[kind.idField] !== id) {
          throw new PermanentError(
            'PROVIDER_GARBAGE',
            `${providerId} answered with another ${kind.name} than the one asked for`,
          );
        }
        return { status: 'found', record, etag: answer.etag };
      }),
    fetchPage: (kind, { since, cursor, limit: size }, signal) => {
      const position: Record<string, string> =
        cursor !== null ? { cursor } : since !== null ? { updatedSince: since } : {};
      const params = { ...position, limit: String(size) };
      const path = `/v1/${kind.collection}`;
      return get({ path, route: path, params, etag: null, signal }, (answer) =>
        readPage(providerId, kind, answer.status === 'ok' ? answer.body : undefined),
      );
    },
    status: () => ({
      circuit: breaker.halfOpen ? 'half-open' : breaker.opened ? 'open' : 'closed',
      lastError,
      lastSuccessMs,
    }),
  };
}

function one(
  { collection }: EntityKind,
  id: string,
  etag: string | null,
  signal: AbortSignal | undefined,
): Request {
  const path = `/v1/${collection}/${encodeURIComponent(id)}`;
  return { path, route: `/v1/${collection}/{id}`, etag, signal };
}

function createBreaker(send: (request: Request) => Promise<Answer>, limits: ProviderApiLimits) {
  return new CircuitBreaker(send, {
    // The sender has its own deadlines, which also free the connection.
    timeout: false,
    volumeThreshold: limits.breakerVolume,
    resetTimeout: limits.breakerResetMs,
    rollingCountTimeout: 60_000,
    errorThresholdPercentage: 50,
    // Only silence and 5xx open the circuit: a provider that answers, whatever it answers, is not helped by a pause.
    errorFilter: (error: unknown) =>
      !(error instanceof TransientError && error.code === 'PROVIDER_UNAVAILABLE'),
  });
}

/** A few tries for what may have passed by then. A wait that the provider asks for is waited here when it is short. */
function retryFew<T>(
  work: () => Promise<T>,
  limits: ProviderApiLimits,
  signal: AbortSignal | undefined,
): Promise<T> {
  return pRetry(work, {
    retries: limits.retries,
    minTimeout: limits.minRetryMs,
    maxTimeout: limits.maxRetryAfterMs,
    randomize: true,
    signal,
    shouldRetry: ({ error }) => isWorthAnother(error, limits),
    onFailedAttempt: async ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && isWorthAnother(error, limits)) await sleep(error.retryAfterMs ?? 0, signal);
    },
  });
}

function isWorthAnother(error: Error, limits: ProviderApiLimits): error is TransientError {
  if (!(error instanceof TransientError) || error.code === 'CIRCUIT_OPEN') return false;
  return (error.retryAfterMs ?? 0) <= limits.maxRetryAfterMs;
}

function isOpenBreaker(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EOPENBREAKER';
}
