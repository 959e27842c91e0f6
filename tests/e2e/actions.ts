import { randomUUID } from 'node:crypto';
import type { AxiosResponse } from 'axios';
import type { JsonObject } from '../../src/domain/json.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Bed, Insurer, Position } from './setup.ts';

/** An entity as the bridge's API shows it. */
export interface ShownEntity {
  readonly id: string;
  readonly provider: string;
  readonly revision: string;
  readonly violations: readonly { readonly pointer: string; readonly code: string }[];
  readonly state: JsonObject;
}

/** `POST /v1/constats` by staff; whatever the answer. */
export function postConstat(bed: Bed, body: JsonObject, key: string = randomUUID()): Promise<AxiosResponse> {
  return bed.staff.post('/v1/constats', body, { headers: { 'Idempotency-Key': key } });
}

/** A constat that staff have recorded for the insurer. */
export async function recordConstat(bed: Bed, insurer: Insurer): Promise<ShownEntity> {
  const { status, data } = await postConstat(bed, { ...insurer.sample.constat(), providerId: insurer.id });
  if (status !== 201) throw new Error(`recording a constat was answered ${status}: ${JSON.stringify(data)}`);
  return data;
}

/** A merge patch by staff, based on `base`; whatever the answer. */
export function patchConstat(bed: Bed, id: string, base: string, patch: JsonObject): Promise<AxiosResponse> {
  return bed.staff.patch(`/v1/constats/${id}`, patch, {
    headers: { 'Base-Revision': `"${base}"`, 'Content-Type': 'application/merge-patch+json' },
  });
}

/** The entity as soon as the API shows it at this revision. */
export function shownAt(bed: Bed, collection: string, id: string, revision: string): Promise<ShownEntity> {
  return waitFor(
    `${collection} ${id} at ${revision}`,
    async () => (await bed.staff.get(`/v1/${collection}/${id}`)).data,
    (entity: ShownEntity) => entity.revision === revision,
  );
}

export interface QuarantinedRecord {
  readonly code: string;
  readonly cause: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** What quarantine holds of the record at this position, as soon as it does. */
export function quarantinedAt(bed: Bed, position: Position): Promise<QuarantinedRecord> {
  return waitFor(`quarantine of ${position.topic}/${position.partition}@${position.offset}`, async () => {
    const { rows } = await bed.db.query<QuarantinedRecord>(
      `select code, cause, key, value, headers from quarantine
       where topic = $1 and kafka_partition = $2 and kafka_offset = $3`,
      [position.topic, position.partition, position.offset],
    );
    return rows[0]!;
  });
}

/** Resolves once the bridge has settled everything up to and including this position. */
export async function settledTo(bed: Bed, position: Position, deadlineMs?: number): Promise<void> {
  const settled = async () => {
    const { rows } = await bed.db.query<{ next: string }>(
      'select next_offset as next from applied_offset where topic = $1 and partition = $2',
      [position.topic, position.partition],
    );
    return rows.length > 0 && BigInt(rows[0]!.next) > BigInt(position.offset);
  };
  const fact = `${position.topic}/${position.partition} settled past ${position.offset}`;
  await waitFor(fact, settled, Boolean, deadlineMs);
}

/** How many rows each table has that an edit or an event can write to; but for the outbox, whose rows go as they are sent
 *  and come with one of `event` each. */
export async function countRows(bed: Bed): Promise<Readonly<Record<string, number>>> {
  const tables = ['event', 'constat', 'vehicle', 'policy', 'claim', 'quarantine', 'conflict', 'idempotency'];
  const counts = tables.map((table) => `(select count(*)::int from ${table}) as ${table}`);
  const { rows } = await bed.db.query(`select ${counts.join(', ')}`);
  return rows[0];
}

/** The events of one entity that the ledger holds, oldest first. */
export async function ledgerOf(
  bed: Bed,
  entityId: string,
): Promise<readonly { event_id: string; source: string; outcome: string }[]> {
  const { rows } = await bed.db.query(
    `select event.event_id, route.source, event.outcome::text from event
     join route on route.id = event.route_id where entity_id = $1 order by sequence`,
    [entityId],
  );
  return rows;
}
