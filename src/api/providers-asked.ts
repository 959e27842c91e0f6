import type { ApiDeps } from './api-deps.ts';
import { maySee, type Caller } from './endpoint.ts';
import { ProblemError } from './problem.ts';

/** The providers that a list is about: the one that its query names, else all that the caller may see (null: every one). */
export function providersAsked(
  provider: string | undefined,
  caller: Caller,
  deps: Pick<ApiDeps, 'topology'>,
): readonly string[] | null {
  if (provider === undefined) return caller.providers;
  if (!maySee(caller, provider)) throw new ProblemError('forbidden', 'This key sees its own provider alone.');
  if (!deps.topology.providers.has(provider)) {
    throw new ProblemError('invalid-request', 'There is no such provider.', {
      extra: {
        violations: [
          {
            in: 'query',
            pointer: '/provider',
            code: 'unknown-provider',
            message: 'There is no such provider',
          },
        ],
      },
    });
  }
  return [provider];
}
