import type { RequestHandler } from 'express';
import { rateLimit, ipKeyGenerator } from 'express-rate-limit';
import { TransientError } from '../domain/errors.ts';
import { raceAbort } from '../runtime/sleep.ts';
import type { ApiDeps } from './api-deps.ts';
import { authenticate, hashSecret } from './authenticate.ts';
import type { Caller, GuardedEndpoint } from './endpoint.ts';
import { ProblemError } from './problem.ts';
import { notesOf } from './trace-requests.ts';

/** How long the database may take to find a key where there is an answer without it. */
const LOOKUP_WITHIN_MS = 2_000;
/** Enough for every key in use; past it the memory begins again. */
const REMEMBERED_KEYS = 10_000;

/** Who may come in, and how often. In this order: an address that has kept sending keys that are not valid is turned
 *  away before the database is asked (unless this very key was valid the last time, so that a neighbour behind the same
 *  address suffers nothing); the key is looked up, each time, so that a revocation holds at once; and each key has its
 *  own budget of requests, told in `RateLimit-*`. Counted in this process. */
export function admitCallers(
  deps: Pick<ApiDeps, 'keys' | 'limits'>,
): (endpoint: Pick<GuardedEndpoint, 'withoutDatabase'>) => readonly RequestHandler[] {
  const { requestsPerMinute } = deps.limits;
  const valid = new Map<string, Caller>();

  const turnStrangersAway = rateLimit({
    ...SHARED_OPTIONS,
    limit: requestsPerMinute,
    standardHeaders: false,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => response.statusCode !== 401,
    skip: (_request, response) => valid.has(notesOf(response).secretHash ?? ''),
    keyGenerator: (request) => ipKeyGenerator(request.socket.remoteAddress ?? 'unknown'),
    handler: (_request, _response, next) => {
      next(new ProblemError('rate-limited', 'Too many requests without a valid key from this address.'));
    },
  });

  /** Where `withoutDatabase`: while it can't be asked, whoever was valid the last time still is. */
  const identify =
    (withoutDatabase: boolean): RequestHandler =>
    async (_request, response, next) => {
      const { secretHash } = notesOf(response);
      const known = withoutDatabase && secretHash !== null ? valid.get(secretHash) : undefined;
      let caller: Caller;
      try {
        const looked = authenticate(secretHash, deps.keys);
        caller = await (known === undefined ? looked : orElse(known, looked));
      } catch (error) {
        if (error instanceof ProblemError && secretHash !== null) valid.delete(secretHash);
        throw error;
      }
      if (valid.size >= REMEMBERED_KEYS) valid.clear();
      valid.set(secretHash!, caller);
      notesOf(response).caller = caller;
      next();
    };

  const keepToBudget = rateLimit({
    ...SHARED_OPTIONS,
    limit: requestsPerMinute,
    standardHeaders: 'draft-6',
    keyGenerator: (_request, response) => notesOf(response as never).caller!.keyId,
    handler: (_request, _response, next) => {
      next(new ProblemError('rate-limited', `A key has ${requestsPerMinute} requests a minute.`));
    },
  });

  return ({ withoutDatabase }) => [
    noteSecret,
    turnStrangersAway,
    identify(withoutDatabase === true),
    keepToBudget,
  ];
}

const noteSecret: RequestHandler = (request, response, next) => {
  const secret = request.get('X-API-Key') ?? '';
  notesOf(response).secretHash = secret === '' ? null : hashSecret(secret);
  next();
};

/** The caller that was known, if the database is away or too slow to find it again. */
async function orElse(known: Caller, looked: Promise<Caller>): Promise<Caller> {
  const within = AbortSignal.timeout(LOOKUP_WITHIN_MS);
  return raceAbort(looked, within).catch((error: unknown) => {
    if (error instanceof TransientError || error === within.reason) return known;
    throw error;
  });
}

const SHARED_OPTIONS = {
  windowMs: 60_000,
  legacyHeaders: false,
  // The address is taken from the socket alone, so a forwarding header changes nothing that is counted.
  validate: { xForwardedForHeader: false, forwardedHeader: false },
} as const;
