import type { RequestHandler } from 'express';
import { rateLimit, ipKeyGenerator } from 'express-rate-limit';
import type { ApiDeps } from './api-deps.ts';
import { authenticate, hashSecret } from './authenticate.ts';
import { ProblemError } from './problem.ts';
import { notesOf } from './trace-requests.ts';

/** Enough for every key in use; past it the memory begins again. */
const REMEMBERED_KEYS = 10_000;

/** Who may come in, and how often. In this order: an address that has kept sending keys that are not valid is turned
 *  away before the database is asked (unless this very key was valid the last time, so that a neighbour behind the same
 *  address suffers nothing); the key is looked up, each time, so that a revocation holds at once; and each key has its
 *  own budget of requests, told in `RateLimit-*`. Counted in this process. */
export function admitCallers(deps: Pick<ApiDeps, 'keys' | 'limits'>): readonly RequestHandler[] {
  const { requestsPerMinute } = deps.limits;
  const valid = new Set<string>();

  const turnStrangersAway = rateLimit({
    ...SHARED_OPTIONS,
    limit: requestsPerMinute,
    standardHeaders: false,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => response.statusCode !== 401,
    skip: (request) => valid.has(hashSecret(request.get('X-API-Key') ?? '')),
    keyGenerator: (request) => ipKeyGenerator(request.socket.remoteAddress ?? 'unknown'),
    handler: (_request, _response, next) => {
      next(new ProblemError('rate-limited', 'Too many requests without a valid key from this address.'));
    },
  });

  const identify: RequestHandler = async (request, response, next) => {
    const secret = request.get('X-API-Key');
    const hash = hashSecret(secret ?? '');
    try {
      notesOf(response).caller = await authenticate(secret, deps.keys);
    } catch (error) {
      valid.delete(hash);
      throw error;
    }
    if (valid.size >= REMEMBERED_KEYS) valid.clear();
    valid.add(hash);
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

  return [turnStrangersAway, identify, keepToBudget];
}

const SHARED_OPTIONS = {
  windowMs: 60_000,
  legacyHeaders: false,
  // The address is taken from the socket alone, so a forwarding header changes nothing that is counted.
  validate: { xForwardedForHeader: false, forwardedHeader: false },
} as const;
