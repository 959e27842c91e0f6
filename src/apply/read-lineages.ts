import { MovedError } from '../domain/errors.ts';
import { findBase, hubEditsBeside, isAtMost } from '../domain/merge-base.ts';
import type { EventCodec, StoreTransaction } from '../ports.ts';
import type { ReadableArrival } from './apply-batch.ts';
import { entityKey, type ReadSet } from './read-for-judgement.ts';

/** Reads what the merges of these entities need: their lineages, and the states from each base upwards. Two statements per
 *  kind, however many entities; the states of a batch's own events are added while it is judged. */
export async function readLineages(
  arrivals: readonly ReadableArrival[],
  entities: ReadonlySet<string>,
  read: ReadSet,
  tx: StoreTransaction,
  codec: Pick<EventCodec, 'decodeStored'>,
): Promise<void> {
  const merging = arrivals.filter(({ kind, event }) => entities.has(entityKey(kind, event.meta.entityId)));
  for (const [kind, ofKind] of Map.groupBy(merging, (arrival) => arrival.kind)) {
    const ids = [...new Set(ofKind.map((arrival) => arrival.event.meta.entityId))];
    const lineages = await tx.readLineage(kind, ids);
    for (const id of ids) read.lineages.set(entityKey(kind, id), [...(lineages.get(id) ?? [])]);
    const wanted = new Set(ofKind.flatMap((arrival) => statesFor(arrival, read)));
    const states = await tx.readStates([...wanted]);
    // The history was pruned between the two statements; what is still needed is found by looking again.
    if (states.size < wanted.size) throw new MovedError('entity', 'its history was pruned while it was read');
    for (const [eventId, { bytes, schemaRef }] of states) {
      read.states.set(eventId, (await codec.decodeStored(bytes, schemaRef)).state);
    }
  }
}

/** Every state from the base of this arrival upwards (a merge earlier in the batch only raises the base), and our edits
 *  beside it with what they were made upon; of an entity that is sealed also those below, among which the seal was seen. */
function statesFor({ kind, event: { meta } }: ReadableArrival, read: ReadSet): readonly string[] {
  const key = entityKey(kind, meta.entityId);
  const stored = read.entities.get(key);
  if (!stored) return [];
  const lineage = read.lineages.get(key)!;
  const base = findBase(lineage, stored.revision, meta.revision);
  const from = base.kind === 'entry' && stored.seal === null ? base.entry.revision : null;
  const beside = hubEditsBeside(lineage, base, meta.revision).flatMap(({ before, after }) => [before, after]);
  const wanted = new Set([
    ...lineage.filter((entry) => from === null || isAtMost(from, entry.revision)),
    ...beside.filter((entry) => entry !== null),
  ]);
  return [...[...wanted].filter((entry) => !entry.pruned).map((entry) => entry.eventId), stored.eventId];
}
