import { PermanentError, TransientError } from '../domain/errors.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { Provider, ProviderApi, Topology } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { confirmEdits, newConfirmMemory, type ConfirmDeps, type ConfirmMemory } from './confirm-edits.ts';
import { pullOnce, type PullDeps } from './pull-once.ts';

export type PullChangesDeps = PullDeps & ConfirmDeps;

/** One service for one provider, so that none delays another: walks each of its collections, asks whether it has what the
 *  hub made of it, rests for the interval, and again, until it is told to stop. A walk that fails, for whatever reason of the provider's or ours, is logged, counted
 *  and begun again after the rest, or after the time that the provider asked for; a bug ends the service. */
export function pullChanges(provider: Provider, api: ProviderApi, deps: PullChangesDeps): Service {
  const walks = collectionsOf(provider, deps.topology).map((kind) => {
    return { kind, memory: newConfirmMemory() };
  });
  return {
    name: `pull-${provider.id}`,
    async run(signal) {
      while (!signal.aborted) {
        let restMs = provider.pull.intervalMs;
        for (const { kind, memory } of walks)
          restMs = Math.max(restMs, await walk(api, kind, memory, deps, signal));
        await sleep(restMs, signal);
      }
    },
  };
}

/** Returns how long the provider asked us to stay away, in milliseconds. */
async function walk(
  api: ProviderApi,
  kind: EntityKind,
  memory: ConfirmMemory,
  deps: PullChangesDeps,
  signal: AbortSignal,
): Promise<number> {
  const log = deps.log.child({ provider: api.providerId, collection: kind.collection });
  try {
    if (signal.aborted) return 0;
    const report = await pullOnce(api, kind, deps, signal);
    if (report.applied > 0 || report.unreadable > 0 || report.republished > 0)
      log.info(report, 'pulled what changed');
    const edits = await confirmEdits(api, kind, memory, { ...deps, log }, signal);
    if (edits.republished > 0 || edits.givenUp > 0) log.info(edits, 'asked about our own edits');
    return 0;
  } catch (error) {
    if (signal.aborted) return 0;
    if (!(error instanceof TransientError || error instanceof PermanentError)) throw error;
    deps.metrics.pulled(api.providerId, kind.collection, 'failed', 1);
    log.warn({ code: error.code, cause: error.message }, 'pull failed; it begins again after the interval');
    return error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
  }
}

function collectionsOf(provider: Provider, topology: Topology): readonly EntityKind[] {
  const kinds = [...topology.kinds.values()];
  return provider.pull.collections.map((collection) => {
    const kind = kinds.find((candidate) => candidate.collection === collection);
    if (kind === undefined) throw new Error(`no kind serves the collection ${collection}`);
    return kind;
  });
}
