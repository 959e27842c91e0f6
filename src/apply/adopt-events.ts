import { digestOf } from '../domain/canonical.ts';
import { contentOf } from '../domain/diff-atoms.ts';
import { MovedError, TransientError } from '../domain/errors.ts';
import { HUB } from '../domain/event.ts';
import { orderAdoption, type AdoptionStep } from '../domain/order-adoption.ts';
import { compareRevisions } from '../domain/revision.ts';
import type { EventSource, SettlementRow, StoreTransaction } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import type { ApplyDeps, ReadableArrival } from './apply-batch.ts';
import { deliveryRow, eventRow } from './compose-rows.ts';
import { judgeOne, newJudging, remember, settle, writeEntity, type Judging } from './judge-arrivals.ts';
import { touchedAtoms } from './patch-entity.ts';
import { entityKey, readForJudgement, type ReadSet } from './read-for-judgement.ts';
import { readLineages } from './read-lineages.ts';

/** The events of one entity that were read back from its topics, each under its own id. */
export interface ReadBackEntity {
  /** Ours, as their signatures prove. */
  readonly ours: readonly ReadableArrival[];
  /** The provider's. */
  readonly theirs: readonly ReadableArrival[];
}

export interface Adopted {
  /** Events of ours that the database had lost. */
  readonly adopted: number;
  /** Events of the provider that none of ours had seen: for the ordinary step to judge. */
  readonly unseen: readonly ReadableArrival[];
}

const MAX_ATTEMPTS = 20;

/** Gives a restored database back what it held of one entity, from what both sides published since its backup (SYNC.md,
 *  After a database restore). When it resolves, every event of ours is in the ledger again, the entity has our newest
 *  state and counter, and what we once merged stands in the history with its conflicts, so that the next merge finds its
 *  base. All of an entity in one transaction; what the ledger knows already is left alone, so repeating it writes nothing. */
export async function adoptEvents(entity: ReadBackEntity, deps: ApplyDeps): Promise<Adopted> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await deps.store.transaction((tx) => adoptOnce(entity, tx, deps));
    } catch (error) {
      if (!(error instanceof MovedError)) throw error;
      if (attempt === MAX_ATTEMPTS)
        throw new TransientError(
          'CONTENDED',
          'another process writes while the database is being recovered',
          {
            cause: error,
          },
        );
    }
  }
}

async function adoptOnce(
  { ours, theirs }: ReadBackEntity,
  tx: StoreTransaction,
  deps: ApplyDeps,
): Promise<Adopted> {
  const all = [...theirs, ...ours];
  const read = await readForJudgement(all, tx);
  const isUnknown = ({ eventId }: Placed) => !read.events.has(eventId);
  const { steps, unseen } = orderAdoption(
    ours.map(place).filter(isUnknown),
    theirs.map(place).filter(isUnknown),
  );
  const keys = new Set(all.map(({ kind, event }) => entityKey(kind, event.meta.entityId)));
  await readLineages(all, keys, read, tx, deps.codec);
  for (const [i, step] of steps.entries()) await adoptStep(step, steps.slice(i + 1), read, tx, deps);
  reach('recover:written');
  return { adopted: steps.length, unseen: unseen.map(({ arrival }) => arrival) };
}

interface Placed {
  readonly arrival: ReadableArrival;
  readonly eventId: string;
  readonly revision: ReadableArrival['event']['meta']['revision'];
  readonly replay: boolean;
}

function place(arrival: ReadableArrival): Placed {
  const { eventId, revision, replay } = arrival.event.meta;
  return { arrival, eventId, revision, replay };
}

/** What the provider had told us by then is judged as it was then; where that took a merge, this event of ours, or a later
 *  one, is the answer that was published. */
async function adoptStep(
  { seen, ours }: AdoptionStep<Placed>,
  later: readonly AdoptionStep<Placed>[],
  read: ReadSet,
  tx: StoreTransaction,
  deps: ApplyDeps,
): Promise<void> {
  // The same event may stand in the topic twice.
  if (read.events.has(ours.eventId)) return;
  const judging = newJudging(read, deps, ours.eventId);
  for (const { arrival } of seen) {
    const digest = digestOf(arrival.event.state, arrival.kind.shape);
    const judgement = judgeOne(arrival, digest, read, deps);
    // What can't be attributed goes into quarantine when it is consumed.
    if (judgement.outcome !== 'quarantined') await settle(arrival, digest, judgement, judging);
  }
  const answer = later.find(
    ({ ours: { revision } }) => compareRevisions(revision, ours.revision) === 'dominates',
  );
  const settlements = await adoptOne(ours.arrival, judging, answer?.ours.eventId ?? null);
  for (const { provider } of judging.draft.flags) deps.metrics.revisionReused(provider);
  await tx.write({
    ...judging.draft,
    entities: [...judging.writes.values()],
    settlements,
    positions: [],
    idempotency: [],
  });
}

/** Our own event becomes the entity's state, as it was. One that meets another state than it was made upon (somebody
 *  edited here before the recovery) is another writer's for once: it is merged, and staff see both values. */
async function adoptOne(
  arrival: ReadableArrival,
  judging: Judging,
  answeredBy: string | null,
): Promise<readonly SettlementRow[]> {
  const { read, draft } = judging;
  const { kind, event } = arrival;
  const { meta, state, changeReason } = event;
  const digest = digestOf(state, kind.shape);
  const stored = read.entities.get(entityKey(kind, meta.entityId)) ?? null;
  const order = stored === null ? 'dominates' : compareRevisions(meta.revision, stored.revision);
  const published = deliveryRow(arrival, 'applied');
  if (published) draft.deliveries.push({ ...published, outcome: 'published' });

  if (stored?.erased || order === 'dominated' || (order === 'equal' && digest === stored?.digest)) {
    const outcome = order === 'equal' ? 'duplicate' : 'stale';
    draft.events.push(ownRow(arrival, digest, outcome, meta.replay ? 'republish' : sourceOf(arrival)));
    remember(arrival, event, digest, outcome, read);
    return [];
  }
  if (order !== 'dominates') {
    const why = order === 'equal' ? 'reused' : 'concurrent';
    await settle(arrival, digest, { outcome: 'merged', why }, { ...judging, answeredBy });
    return [];
  }
  const source = sourceOf(arrival);
  draft.events.push(ownRow(arrival, digest, 'applied', source));
  const before = stored === null ? null : (read.states.get(stored.eventId) ?? null);
  remember(arrival, event, digest, 'applied', read, source === 'api');
  await writeEntity(arrival, event, digest, judging);
  if (source !== 'api' || stored === null || before === null) return [];
  return [
    {
      kind: kind.name,
      entityId: meta.entityId,
      atoms: touchedAtoms(kind, contentOf(kind, before), contentOf(kind, state)),
      eventId: meta.eventId,
      by: HUB,
      seen: stored.revision,
      reason: changeReason,
    },
  ];
}

/** What the event itself tells of how it was made; who made it, no event tells. */
function sourceOf({ event: { meta } }: ReadableArrival): EventSource {
  if (meta.replay) return 'topic';
  return meta.actor === 'USER' ? 'api' : 'merge';
}

function ownRow(
  { event, topic, schemaRef, value }: ReadableArrival,
  digest: string,
  outcome: 'applied' | 'duplicate' | 'stale',
  source: EventSource,
) {
  return eventRow(event, digest, { source, topic, outcome, author: HUB, schemaRef, bytes: value });
}
