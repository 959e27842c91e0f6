import type { Settled } from '../apply/apply-batch.ts';
import type { ShownRevision, Standing } from '../apply/republish-entity.ts';
import { PermanentError } from '../domain/errors.ts';
import type { Outcome } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { Revision } from '../domain/revision.ts';
import type { Metrics, ProviderApi } from '../ports.ts';
import { etagKey, type EtagMemory } from './etag-memory.ts';
import { toPulledEvent, type PulledEvent, type PulledEventDeps } from './pulled-event.ts';

/** Tells a provider again what it has lost (`republishLagging`); the standings are in the order of `shown`. */
export type Republish = (providerId: string, shown: readonly ShownRevision[]) => Promise<readonly Standing[]>;

export interface AskDeps extends PulledEventDeps {
  /** Takes the events through the same rules as any other; when it resolves, their outcomes are durable. */
  readonly applyPulled: (events: readonly PulledEvent[]) => Promise<readonly Settled[]>;
  readonly republish: Republish;
  readonly etags: EtagMemory;
  readonly metrics: Pick<Metrics, 'pulled'>;
}

/** A provider's answer about one entity. */
export interface Answer {
  readonly kind: EntityKind;
  readonly entityId: string;
  readonly status: 'found' | 'unchanged' | 'missing';
  /** What the provider has; null when it doesn't know the entity. */
  readonly revision: Revision | null;
  readonly etag: string | null;
  /** The record, when one came. */
  readonly pulled: PulledEvent | null;
}

export interface Asked {
  readonly status: Outcome | 'unchanged' | 'missing';
  /** How the entity here stands to what the provider showed. */
  readonly standing: Standing;
}

/** Asks the provider for one entity, and changes nothing. Throws what `fetchOne` and `toPulledEvent` throw: all that is
 *  thrown here is the provider's fault. */
export async function askProvider(
  api: ProviderApi,
  kind: EntityKind,
  entityId: string,
  deps: PulledEventDeps & Pick<AskDeps, 'etags'>,
  signal: AbortSignal,
): Promise<Answer> {
  const known = deps.etags.get(etagKey(api.providerId, kind.name, entityId));
  const answer = await api.fetchOne(kind, entityId, known?.etag ?? null, signal);
  const asked = { kind, entityId, pulled: null };
  switch (answer.status) {
    case 'missing':
      return { ...asked, status: 'missing', revision: null, etag: null };
    case 'unchanged':
      if (known === null)
        throw new PermanentError('PROVIDER_GARBAGE', `${api.providerId} answered 304 to a plain request`);
      return { ...asked, status: 'unchanged', ...known };
    case 'found': {
      const { record, etag } = answer;
      const pulled = await toPulledEvent(api.providerId, kind, record, deps);
      return { ...asked, status: 'found', revision: record.revision, etag, pulled };
    }
  }
}

/** Takes the answer in: its record is applied like any event, and what the provider turns out to have lost is republished.
 *  Throws what `applyPulled` and `republish` throw. */
export async function settleAnswer(providerId: string, answer: Answer, deps: AskDeps): Promise<Asked> {
  const { kind, entityId, revision, etag, pulled } = answer;
  let status: Asked['status'] = answer.status === 'missing' ? 'missing' : 'unchanged';
  if (pulled !== null) {
    const [settled] = await deps.applyPulled([pulled]);
    status = settled!.outcome;
    deps.metrics.pulled(providerId, kind.collection, status, 1);
  }
  // A record in quarantine is not ours yet: asking again must bring it again.
  const kept = etag !== null && revision !== null && status !== 'quarantined';
  deps.etags.set(etagKey(providerId, kind.name, entityId), kept ? { etag, revision } : null);
  if (status !== 'missing' && status !== 'unchanged' && !saysNothingNew(status))
    return { status, standing: 'level' };
  const [standing] = await deps.republish(providerId, [{ kind, entityId, revision }]);
  return { status, standing: standing! };
}

/** Only then can the provider have less than we have: what is applied is now ours, what is merged is published anyway, and
 *  what is in quarantine is not to be trusted. */
export function saysNothingNew(outcome: Outcome): boolean {
  return outcome === 'stale' || outcome === 'duplicate';
}
