import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { IdempotencyRow, WritePlan } from '../ports.ts';
import { allInOrder } from '../runtime/all-in-order.ts';
import { advancePositions } from './advance-positions.ts';
import type { RouteIds } from './intern-routes.ts';
import { holdEntities } from './hold-entities.ts';
import { textArray, uuidArray } from './binary-arrays.ts';
import { approveEdit, settleRecords, takeQuarantineSteps } from './settle-quarantine.ts';
import { insertAudit } from './write-audit.ts';
import { sendTogether } from './send-together.ts';
import { openConflicts, raiseFlags, settleConflicts } from './write-conflicts.ts';
import { writeEntities } from './write-entities.ts';
import { insertBlow } from './write-blow.ts';
import { insertDeliveries, insertEvents, insertOutbox } from './write-events.ts';
import { upsertQuarantine } from './write-quarantine.ts';

/** Writes all of the plan, a statement per list, each sent without waiting for the answer to the one before. Every
 *  transaction takes its locks in this order: routes, positions, entities by id, events, conflicts, flags, outbox,
 *  quarantine, fuse. Whoever writes a conflict or flag holds the lock of its entity row (it writes the row, or says that it
 *  is unmoved), so nobody waits for those. The first failure is the one that is thrown; the server refuses what was sent
 *  behind it. Returns what is to be called after the commit. */
export async function writePlan(
  client: pg.ClientBase,
  plan: WritePlan,
  routes: RouteIds,
): Promise<() => void> {
  const interned = await routes.intern(client, plan.events);
  await allInOrder(sendTogether(client, () => sendPlan(client, plan, interned.ids)));
  if (plan.quarantined.length > 0) await upsertQuarantine(client, plan.quarantined);
  if (plan.blow !== undefined) await insertBlow(client, plan.blow);
  return interned.remember;
}

/** What none of the others has to wait for, in the order of the locks. */
function sendPlan(
  client: pg.ClientBase,
  plan: WritePlan,
  routeIds: readonly number[],
): readonly Promise<void>[] {
  const { settledRecords = [] } = plan;
  const sent: Promise<void>[] = [];
  if (plan.positions.length > 0) sent.push(advancePositions(client, plan.positions));
  if (plan.unmoved !== undefined) sent.push(holdEntities(client, plan.unmoved));
  if (plan.entities.length > 0) sent.push(writeEntities(client, plan.entities));
  if (plan.events.length > 0) sent.push(insertEvents(client, plan.events, routeIds));
  if (plan.deliveries.length > 0) sent.push(insertDeliveries(client, plan.deliveries));
  if (plan.settlements.length > 0) sent.push(settleConflicts(client, plan.settlements));
  if (plan.conflicts.length > 0) sent.push(openConflicts(client, plan.conflicts));
  if (plan.flags.length > 0) sent.push(raiseFlags(client, plan.flags));
  if (plan.outbox.length > 0) sent.push(insertOutbox(client, plan.outbox));
  if (plan.idempotency.length > 0) sent.push(insertIdempotency(client, plan.idempotency));
  if (plan.audit !== undefined) sent.push(insertAudit(client, plan.audit));
  if (plan.quarantineSteps !== undefined) sent.push(takeQuarantineSteps(client, plan.quarantineSteps));
  if (plan.approvedEdit !== undefined) sent.push(approveEdit(client, plan.approvedEdit));
  if (settledRecords.length > 0) sent.push(settleRecords(client, settledRecords));
  return sent;
}

/** A request that is repeated while its first copy is still running waits here for it, then throws MovedError `event`:
 *  judged again, it finds what the first one made. In the order of the keys, so that no two transactions wait for each
 *  other. */
async function insertIdempotency(client: pg.ClientBase, rows: readonly IdempotencyRow[]): Promise<void> {
  const sorted = rows.toSorted((a, b) => (a.apiKeyId + a.key < b.apiKeyId + b.key ? -1 : 1));
  const { rowCount } = await client.query({
    name: 'insert-idempotency',
    text: `insert into idempotency (api_key_id, key, request_digest, entity_id, event_id)
           select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::uuid[]) on conflict do nothing`,
    values: [
      uuidArray(sorted.map((row) => row.apiKeyId)),
      textArray(sorted.map((row) => row.key)),
      textArray(sorted.map((row) => row.requestDigest)),
      uuidArray(sorted.map((row) => row.entityId)),
      uuidArray(sorted.map((row) => row.eventId)),
    ],
  });
  if (rowCount !== rows.length)
    throw new MovedError('event', 'another request with this idempotency key was faster');
}
