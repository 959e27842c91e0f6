import { createHash } from 'node:crypto';
import type pg from 'pg';
import { dominates } from '../../src/simulator/revision.ts';
import { readAtom } from '../soak/atoms.ts';
import type { AcknowledgedEdit } from '../soak/account.ts';
import type { Desk, UnansweredEdit } from '../soak/people.ts';
import type { WorldInsurer } from '../soak/prepare-world.ts';
import type { Noise } from './make-noise.ts';
import type { TopicRecord } from './read-topics.ts';

export interface Reckoning {
  /** Outcome → how many records; quarantined ones by code. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** Acknowledged by Kafka or by HTTP, a sentence each for what is nowhere. */
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  /** Of every record with an effect: from the topic to visible here, or from the edit here to the topic. */
  readonly delays: readonly Delay[];
  readonly acknowledged: { readonly records: number; readonly byInsurers: number; readonly overHttp: number };
}

export interface Delay {
  readonly what: string;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Known {
  readonly event_id: string;
  readonly outcome: string;
  readonly source: string;
  readonly place: string | null;
  readonly at: Date;
}

/** Holds every acknowledgement that was given against what the bridge's database and the topics say in the end. The
 *  bridge's own code has no part in it. */
export async function reckon(
  records: readonly TopicRecord[],
  given: {
    readonly desk: Desk;
    readonly noise: readonly Noise[];
    readonly insurers: readonly WorldInsurer[];
  },
  db: Pick<pg.Pool, 'query'>,
): Promise<Reckoning> {
  const lost: string[] = [];
  const twice: string[] = [];
  const delays: Delay[] = [];
  const outcomes = new Map<string, number>();
  const known = await readKnown(db);
  const deliveries = await readDeliveries(db);
  const quarantined = await readQuarantined(db);
  const sent = new Set<string>();

  for (const record of records) {
    const place = placeOf(record);
    const row = record.event === null ? undefined : known.get(record.event.meta.eventId);
    const code = quarantined.get(fingerprintOf(record));
    const outcome =
      row === undefined
        ? code && `quarantined ${code}`
        : row.source !== 'topic' && row.source !== 'pull'
          ? 'echo'
          : row.place === place
            ? row.outcome
            : deliveries.get(place);
    if (outcome === undefined) lost.push(`${place} has no outcome`);
    else outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (row === undefined) continue;
    if (row.place === place) {
      delays.push({ what: `${place} coming in`, fromMs: record.timestampMs, toMs: row.at.getTime() });
    } else if (outcome === 'echo' && !sent.has(row.event_id)) {
      sent.add(row.event_id);
      delays.push({ what: `${place} going out`, fromMs: row.at.getTime(), toMs: record.timestampMs });
    }
  }

  const places = new Set(records.map(placeOf));
  const onTopics = new Set(records.map((record) => record.event?.meta.eventId));
  for (const noise of given.noise) {
    if (!places.has(placeOf(noise))) lost.push(`${placeOf(noise)} was acknowledged and is not on the topic`);
  }
  let byInsurers = 0;
  for (const { db: insurer, topics } of given.insurers) {
    const { rows } = await insurer.query<{ event_id: string }>(
      'select event_id from outbox where sent_at is not null and topic = any($1)',
      [topics],
    );
    byInsurers += rows.length;
    for (const { event_id } of rows) {
      if (!onTopics.has(event_id)) lost.push(`event ${event_id} was acknowledged and is not on its topic`);
    }
  }
  const ours = Map.groupBy(
    records.filter(({ event }) => event?.meta.origin === 'eassurance' && !event.meta.replay),
    ({ event }) => `${event!.meta.entityId} ${event!.meta.revision['eassurance'] ?? 0}`,
  );
  const overHttp = given.desk.edits.filter(({ by }) => by === 'staff');
  for (const { entityId, revision, atom } of overHttp) {
    if (!ours.has(`${entityId} ${revision['eassurance'] ?? 0}`))
      lost.push(`the edit of ${atom} of ${entityId} at ${JSON.stringify(revision)} is on no topic`);
  }
  for (const [revision, same] of ours) {
    const ids = new Set(same.map(({ event }) => event!.meta.eventId));
    if (ids.size > 1) twice.push(`constat ${revision}: published as ${[...ids].join(' and ')}`);
  }
  twice.push(...(await readAppliedTwice(db)), ...openedTwice(records));
  return {
    outcomes,
    lost,
    twice,
    delays,
    acknowledged: {
      records: records.length,
      byInsurers,
      overHttp: overHttp.length + given.desk.constats.length,
    },
  };
}

/** Edits of which nobody knew whether they were saved: those that were, as their first event on the topic has them. */
export function findSaved(
  unanswered: readonly UnansweredEdit[],
  records: readonly TopicRecord[],
): readonly AcknowledgedEdit[] {
  const byEntity = Map.groupBy(
    records.filter(({ event }) => event?.meta.origin === 'eassurance'),
    ({ event }) => event!.meta.entityId,
  );
  return unanswered.flatMap(({ by, entityId, atom, value, seen }) => {
    const first = (byEntity.get(entityId) ?? [])
      .map(({ event }) => event!)
      .filter(({ meta, state }) => dominates(meta.revision, seen) && readAtom(state, atom) === value)
      .sort((a, b) => (a.meta.revision['eassurance'] ?? 0) - (b.meta.revision['eassurance'] ?? 0))[0];
    return first ? [{ by, entityId, atom, value, revision: first.meta.revision }] : [];
  });
}

const placeOf = ({ topic, partition, offset }: Pick<TopicRecord, 'topic' | 'partition' | 'offset'>): string =>
  `${topic}/${partition}@${offset}`;

/** As the table quarantine has it, reckoned anew. */
function fingerprintOf({ topic, key, value }: TopicRecord): string {
  return createHash('sha256')
    .update(`${topic} ${key?.toString('hex')} ${value?.toString('hex')}`)
    .digest('hex');
}

async function readKnown(db: Pick<pg.Pool, 'query'>): Promise<ReadonlyMap<string, Known>> {
  const { rows } = await db.query<Known>(
    `select event_id, outcome::text, source, recorded_at as at,
            topic || '/' || kafka_partition || '@' || kafka_offset as place from event_log`,
  );
  return new Map(rows.map((row) => [row.event_id, row]));
}

async function readDeliveries(db: Pick<pg.Pool, 'query'>): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ place: string; outcome: string }>(
    `select topic || '/' || kafka_partition || '@' || kafka_offset as place, outcome::text from delivery
      where outcome <> 'published'`,
  );
  return new Map(rows.map(({ place, outcome }) => [place, outcome]));
}

async function readQuarantined(db: Pick<pg.Pool, 'query'>): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ topic: string; key: Buffer | null; value: Buffer | null; code: string }>(
    'select topic, key, value, code from quarantine',
  );
  return new Map(rows.map((row) => [fingerprintOf(row as unknown as TopicRecord), row.code]));
}

/** One revision has one row that made it the entity's state. */
async function readAppliedTwice(db: Pick<pg.Pool, 'query'>): Promise<readonly string[]> {
  const { rows } = await db.query<{ said: string }>(
    `select entity_id || ' ' || revision || ' was written ' || count(*) || ' times' as said from event_log
      where outcome = 'applied' and source <> 'republish' group by entity_id, revision having count(*) > 1`,
  );
  return rows.map(({ said }) => said);
}

/** A constat that was asked for again under the same key, and opened again. */
function openedTwice(records: readonly TopicRecord[]): readonly string[] {
  const opened = records.filter(
    ({ event }) => event?.meta.origin === 'eassurance' && event.meta.eventType === 'constat.created',
  );
  const byKey = Map.groupBy(opened, ({ event }) => String(event!.state['providerReference']));
  return [...byKey].flatMap(([key, events]) => {
    const ids = new Set(events.map(({ event }) => event!.meta.entityId));
    return ids.size > 1 ? [`${key} opened ${ids.size} constats`] : [];
  });
}
