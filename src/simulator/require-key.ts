import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { sendProblem } from './problem.ts';

/** Lets a request pass that carries one of the live keys in X-API-Key; two may be live while one replaces the other. */
export function requireKey(keys: readonly string[]): RequestHandler {
  const live = keys.map(sha256);
  return (request, response, next) => {
    const given = sha256(request.get('x-api-key') ?? '');
    // Every key is compared, in constant time each: the answer's time tells nothing about them.
    const known = live.map((key) => timingSafeEqual(key, given)).some(Boolean);
    if (known) return next();
    response.set('WWW-Authenticate', 'ApiKey realm="provider"');
    sendProblem(response, 401, 'UNAUTHORISED', 'X-API-Key is missing or not a live key.');
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
