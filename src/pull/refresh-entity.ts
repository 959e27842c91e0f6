import { PermanentError, TransientError } from '../domain/errors.ts';
import type { Outcome } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ProviderApi } from '../ports.ts';
import { askProvider, settleAnswer, type Answer, type AskDeps } from './ask-provider.ts';

export interface RefreshDeps extends AskDeps {
  /** The GET APIs that have an address here, by provider. */
  readonly apis: ReadonlyMap<string, ProviderApi>;
  /** The provider that the entity belongs to; null while it is unknown here. */
  readonly ownerOf: (kind: EntityKind, id: string) => Promise<string | null>;
  /** Who has not answered by then is `unavailable`. */
  readonly withinMs: number;
}

/** What asking the providers about one entity came to. */
export type Refreshed =
  /** A provider has it; the record went through the rules like any event. */
  | { readonly status: Outcome }
  /** A provider has it, as it was when we last pulled it. */
  | { readonly status: 'unchanged' }
  /** Every provider that was asked does not know it. */
  | { readonly status: 'missing' }
  /** No usable answer; the error's code. */
  | { readonly status: 'unavailable'; readonly code: string };

/** Asks the entity's provider for its record now, or all providers at once while the entity is unknown here, and applies
 *  what comes; what the provider has lost of ours is republished. A provider's fault is an answer (`unavailable`), never a throw; a fault of ours is thrown. */
export async function refreshEntity(kindName: string, id: string, deps: RefreshDeps): Promise<Refreshed> {
  const kind = deps.topology.kinds.get(kindName);
  if (kind === undefined) throw new Error(`there is no kind ${kindName}`);
  const owner = await deps.ownerOf(kind, id);
  const asked = owner === null ? [...deps.topology.providers.keys()] : [owner];
  const answers = await Promise.all(asked.map((providerId) => refreshFrom(providerId, kind, id, deps)));
  return answers.sort((a, b) => rank(a) - rank(b))[0] ?? { status: 'missing' };
}

async function refreshFrom(
  providerId: string,
  kind: EntityKind,
  id: string,
  deps: RefreshDeps,
): Promise<Refreshed> {
  const api = deps.apis.get(providerId);
  if (api === undefined) return { status: 'unavailable', code: 'PROVIDER_WITHOUT_API' };
  let answer: Answer;
  try {
    answer = await askProvider(api, kind, id, deps, AbortSignal.timeout(deps.withinMs));
  } catch (error) {
    const code = providerFault(error);
    if (code === null) throw error;
    deps.metrics.pulled(providerId, kind.collection, 'failed', 1);
    return { status: 'unavailable', code };
  }
  const { status } = await settleAnswer(providerId, answer, deps);
  return { status };
}

function providerFault(error: unknown): string | null {
  if (error instanceof TransientError || error instanceof PermanentError) return error.code;
  return error instanceof DOMException && error.name === 'TimeoutError' ? 'PROVIDER_UNAVAILABLE' : null;
}

/** Which of several answers speaks for all: who has the entity, before who could not say, before who does not know it. */
function rank(answer: Refreshed): number {
  switch (answer.status) {
    case 'missing':
      return 3;
    case 'unavailable':
      return 2;
    case 'quarantined':
      return 1;
    default:
      return 0;
  }
}
