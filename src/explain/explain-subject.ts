import type { EntityEvent } from '../domain/event.ts';
import type { ExplainedEntity, ExplainResult } from '../domain/explanation.ts';
import type {
  CommittedOffset,
  ConflictReader,
  EventCodec,
  GroupOffsets,
  HistoryView,
  LedgerReader,
  Topology,
} from '../ports.ts';
import { raceAbort } from '../runtime/sleep.ts';
import { composeEpisodes, type ShowValue } from './compose-episodes.ts';
import { composeSummary } from './compose-summary.ts';
import { explainRecord, NOTHING_KNOWN } from './explain-record.ts';
import { readSubject } from './read-subject.ts';
import type { SayTime } from './say-time.ts';

export interface ExplainDeps {
  readonly topology: Topology;
  readonly ledger: LedgerReader;
  readonly conflicts: ConflictReader;
  readonly codec: Pick<EventCodec, 'decodeStored'>;
  /** Null when there is no way to Kafka. */
  readonly offsets: GroupOffsets | null;
  readonly show: ShowValue;
  /** How long Kafka may take to tell how far a provider has read. */
  readonly kafkaWithinMs: number;
}

export interface ExplainInquiry {
  readonly subject: string;
  /** Providers whose entities the reader may see; null for all. What belongs to another is unknown. */
  readonly providers: readonly string[] | null;
  readonly say: SayTime;
  /** Events at most; the newest of them. */
  readonly limit: number;
}

/** Read beyond the limit, to know what stood before the oldest event that is shown. */
const LOOK_BACK = 5;
const MANY = 20;

/** Everything that happened to what the subject names: an entity, an event, a record at a position, or whatever has this
 *  reference. Reads alone; without Kafka it tells all but how far the provider has read. */
export async function explainSubject(inquiry: ExplainInquiry, deps: ExplainDeps): Promise<ExplainResult> {
  const { topology, ledger } = deps;
  const kinds = [...topology.kinds.values()];
  const visible = (provider: string) => inquiry.providers === null || inquiry.providers.includes(provider);
  const subject = readSubject(inquiry.subject, {
    topic: (name) => {
      const owner = topology.routes.get(name)?.providerId;
      return owner !== undefined && (visible(owner) || !topology.providers.has(owner));
    },
    kind: (name) => topology.kinds.has(name),
  });

  if (subject.is === 'reference') {
    const found = (await ledger.findByReference(kinds, subject.text, MANY)).filter((one) =>
      visible(one.provider),
    );
    return explainFound(found, null, inquiry, deps);
  }
  if (subject.is === 'position') {
    const eventId = await ledger.findEventAt(subject.position);
    const found = eventId === null ? [] : await entitiesOfEvent(eventId, deps);
    const seen = found.filter((one) => visible(one.provider));
    if (seen.length > 0) return explainFound(seen, eventId, inquiry, deps);
    return explainRecord(subject, { ...inquiry, visible }, deps);
  }
  const { id, kind } = subject;
  const entities = (await ledger.findEntities(kinds, id)).filter(
    (one) => visible(one.provider) && (kind === null || kind === one.kind),
  );
  if (entities.length > 0) return explainFound(entities, null, inquiry, deps);
  const ofEvent = (await entitiesOfEvent(id, deps)).filter((one) => visible(one.provider));
  if (ofEvent.length > 0) return explainFound(ofEvent, id, inquiry, deps);
  return explainRecord(subject, { ...inquiry, visible }, deps);
}

/** The entity of an event; a shared verification is of the one that it was taken from. */
async function entitiesOfEvent(
  eventId: string,
  { ledger, topology }: ExplainDeps,
): Promise<readonly ExplainedEntity[]> {
  const event = await ledger.findEvent(eventId);
  if (event === null) return [];
  const kind = topology.kinds.get(event.kind.replace(/^shared-/, ''));
  return kind === undefined ? [] : ledger.findEntities([kind], event.entityId);
}

async function explainFound(
  found: readonly ExplainedEntity[],
  eventId: string | null,
  inquiry: ExplainInquiry,
  deps: ExplainDeps,
): Promise<ExplainResult> {
  const [entity] = found;
  if (entity === undefined) return { status: 'unknown', sentence: NOTHING_KNOWN };
  if (found.length > 1) {
    const many = found.length >= MANY ? `${MANY} or more entities have` : `${found.length} entities have`;
    return { status: 'several', sentence: `${many} this reference: ask for one by its id.`, matches: found };
  }
  return explainEntity(entity, eventId, inquiry, deps);
}

async function explainEntity(
  entity: ExplainedEntity,
  eventId: string | null,
  { subject, providers, say, limit }: ExplainInquiry,
  deps: ExplainDeps,
): Promise<ExplainResult> {
  const { ledger, codec, topology } = deps;
  const kind = topology.kinds.get(entity.kind)!;
  const [newestFirst, conflicts, flags, quarantined] = await Promise.all([
    ledger.events([kind.name, `shared-${kind.name}`], entity.id, limit + LOOK_BACK),
    readConflicts(entity, deps),
    ledger.flags(kind.name, entity.id),
    ledger.quarantined({ entityId: entity.id }, MANY),
  ]);
  const events = newestFirst.toReversed();
  const ids = events.map((event) => event.eventId);
  const [deliveries, parked] = await Promise.all([ledger.deliveries(ids), ledger.parked(ids)]);
  const sent = deliveries.filter(({ outcome }) => outcome === 'published');
  const [decoded, committed] = await Promise.all([
    decodeAll(events, codec),
    readCommitted(entity.provider, sent, deps),
  ]);
  const unshown = Math.max(0, events.length - limit);
  const notes: string[] = [];
  if (unshown > 0)
    notes.push(`Only its newest ${limit} events are told; all of them are in its history (GET …/history).`);
  if (typeof committed === 'string') notes.push(committed);
  const stranger = events.slice(unshown).find((event) => !event.bytes);
  if (stranger !== undefined)
    notes.push('The bytes of some events were emptied (pruned or erased): what they changed is not known.');

  const name = entity.provider.toUpperCase();
  const episodes = composeEpisodes(
    {
      ...{
        provider: name,
        erased: entity.erased,
        events,
        unshown,
        decoded,
        kind,
        deliveries,
        parked,
        conflicts,
      },
      flags,
      quarantined: quarantined.filter((row) => providers === null || providers.includes(row.provider)),
      committed: typeof committed === 'string' ? null : committed,
    },
    deps.show,
  );
  const about = { provider: name, erased: entity.erased, groupPrefix: groupPrefixOf(entity.provider) };
  const summary = composeSummary(episodes, about, say);
  return {
    status: 'explained',
    explanation: { subject: subject.trim(), entity, eventId, episodes, notes, summary },
  };
}

async function readConflicts({ kind, id }: ExplainedEntity, { conflicts }: ExplainDeps) {
  const query = { providers: null, status: null, severity: null, after: null } as const;
  return conflicts.list({ ...query, kind, entityId: id, limit: 200 });
}

/** What can't be read any more counts as gone: the story goes on without it. */
async function decodeAll(
  events: readonly HistoryView[],
  codec: ExplainDeps['codec'],
): Promise<ReadonlyMap<string, EntityEvent | null>> {
  return new Map(
    await Promise.all(
      events.map(
        async ({ eventId, bytes, schemaRef }) =>
          [eventId, bytes && (await codec.decodeStored(bytes, schemaRef))] as const,
      ),
    ),
  );
}

/** A provider's groups begin with its id: `bridge topics` lets it join no others. */
function groupPrefixOf(provider: string): string {
  return `${provider}-`;
}

/** The offsets, or a sentence that says why there are none. */
async function readCommitted(
  provider: string,
  sent: readonly { readonly topic: string; readonly partition: number }[],
  { offsets, kafkaWithinMs }: ExplainDeps,
): Promise<readonly CommittedOffset[] | string> {
  if (sent.length === 0) return [];
  const unknown = `How far ${provider.toUpperCase()} has read is not known:`;
  if (offsets === null) return `${unknown} there are no settings of Kafka here (KAFKA_BROKERS).`;
  try {
    return await raceAbort(
      offsets.committed(groupPrefixOf(provider), sent),
      AbortSignal.timeout(kafkaWithinMs),
    );
  } catch (error) {
    const why = error instanceof Error && error.name === 'TransientError' ? ` (${error.message})` : '';
    return `${unknown} Kafka does not answer${why}.`;
  }
}
