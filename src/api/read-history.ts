import * as z from 'zod';
import { diffAtoms } from '../domain/diff-atoms.ts';
import { OUTCOMES, type EntityEvent } from '../domain/event.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import { formatRevision } from '../domain/revision.ts';
import type { HistoryView } from '../ports.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { revisionText } from './entity-document.ts';
import { findVisible } from './find-entity.ts';
import { historyCursorOf, readHistoryCursor } from './page-cursor.ts';
import { ALL_SCOPES, badCursor, idParams, NO_FIELDS, pageInfo, pageLimit } from './request-parts.ts';

const position = z.object({ partition: z.int(), offset: z.string() });

const historyEntry = z
  .object({
    sequence: z.string().meta({ description: 'Order in which the events were recorded here.' }),
    eventId: z.string(),
    eventType: z.string().meta({ example: 'constat.updated' }),
    outcome: z.enum(OUTCOMES).meta({ description: 'What became of the event.' }),
    source: z
      .enum(['topic', 'pull', 'api', 'merge', 'share', 'republish'])
      .meta({ description: 'Where it came from.' }),
    origin: z.string().meta({ description: 'Whose edit it is: `eassurance` or the insurer.' }),
    author: z
      .string()
      .meta({ description: 'The person or system behind an edit of ours; the insurer for theirs.' }),
    revision: revisionText,
    occurredAt: z.iso.datetime().meta({ description: "By the author's clock." }),
    recordedAt: z.iso.datetime().meta({ description: 'By our clock.' }),
    correlationId: z.string().nullable(),
    changeReason: z.string().nullable(),
    changedFields: z
      .array(z.string())
      .nullable()
      .meta({ description: 'What the author says has changed; null once pruned.' }),
    changes: z
      .array(z.object({ atom: z.string(), before: z.unknown(), after: z.unknown() }))
      .nullable()
      .meta({
        description:
          'What differs from the state before it here; null for the first, for an event that made no state, and once pruned.',
      }),
    topic: z.string(),
    received: position.nullable().meta({ description: 'Where it was read from.' }),
    published: position
      .extend({ at: z.iso.datetime() })
      .nullable()
      .meta({ description: "Kafka's acknowledgement of an event of ours." }),
  })
  .meta({ id: 'HistoryEntry', description: 'One event of the entity.' });

/** `GET /v1/<collection>/{id}/history` of one kind: every event of the entity, newest first. */
export function readHistory(kind: EntityKind, deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: `/v1/${kind.collection}/{id}/history`,
    operationId: `get-${kind.name}-history`,
    tag: kind.collection,
    access: ALL_SCOPES,
    summary: `What happened to a ${kind.name}`,
    description:
      'Every event of the entity, newest first: its own and those that changed nothing (stale ones, for example).',
    params: idParams,
    query: z.strictObject({
      cursor: z
        .string()
        .min(1)
        .max(500)
        .optional()
        .meta({ description: '`page.nextCursor` of the page before.' }),
      limit: pageLimit,
    }),
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: { description: 'One page', schema: z.object({ data: z.array(historyEntry), page: pageInfo }) },
    },
    problems: ['not-found', 'erased'],
    handle: async ({ params, query: { cursor, limit }, caller }) => {
      const before = cursor === undefined ? null : readHistoryCursor(cursor);
      if (before === undefined) throw badCursor();
      await findVisible(kind, params.id, caller, deps.reader);
      const rows = await deps.reader.history(kind, params.id, before, limit + 1);
      const hasMore = rows.length > limit;
      const page = rows.slice(0, limit);
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: {
          data: await describeEvents(kind, params.id, page, deps),
          page: { nextCursor: hasMore ? historyCursorOf(page[page.length - 1]!.sequence) : null, hasMore },
        },
      };
    },
  });
}

/** The page from its oldest event on, each against the state before it. */
async function describeEvents(
  kind: EntityKind,
  id: string,
  page: readonly HistoryView[],
  deps: ApiDeps,
): Promise<readonly object[]> {
  const oldest = page.at(-1);
  let before: JsonObject | null | undefined = oldest && (await stateBefore(kind, id, oldest.sequence, deps));
  const described: object[] = [];
  for (const row of page.toReversed()) {
    const event = row.bytes && (await deps.codec.decodeStored(row.bytes, row.schemaRef));
    const after = madeState(row) ? (event?.state ?? null) : undefined;
    described.push(historyDocument(row, event, changesOf(kind, before, after)));
    if (after !== undefined) before = after;
  }
  return described.toReversed();
}

/** The state that the entity had before this event: undefined when there was none, null when its bytes are gone. */
async function stateBefore(
  kind: EntityKind,
  id: string,
  sequence: bigint,
  deps: ApiDeps,
): Promise<JsonObject | null | undefined> {
  for (let before = sequence; ;) {
    const rows = await deps.reader.history(kind, id, before, LOOK_BACK);
    const row = rows.find(madeState);
    if (row !== undefined)
      return row.bytes && (await deps.codec.decodeStored(row.bytes, row.schemaRef)).state;
    const last = rows.at(-1);
    if (last === undefined || rows.length < LOOK_BACK) return undefined;
    before = last.sequence;
  }
}

/** Events that change nothing rarely come in rows. */
const LOOK_BACK = 5;

/** Whether the entity's row has pointed at this event. What came in and was merged never was the state; what the merge
 *  made was. */
function madeState(row: HistoryView): boolean {
  return row.outcome === 'applied' || row.source === 'merge';
}

function changesOf(
  kind: EntityKind,
  before: JsonObject | null | undefined,
  after: JsonObject | null | undefined,
) {
  if (!before || !after) return null;
  const [old, current] = [kind.atoms(before), kind.atoms(after)];
  return diffAtoms(kind, before, after).map((atom) => ({
    atom,
    before: old.get(atom) ?? null,
    after: current.get(atom) ?? null,
  }));
}

function historyDocument(
  row: HistoryView,
  event: EntityEvent | null,
  changes: ReturnType<typeof changesOf>,
): object {
  return {
    sequence: row.sequence.toString(),
    eventId: row.eventId,
    eventType: row.eventType,
    outcome: row.outcome,
    source: row.source,
    origin: row.origin,
    author: row.author,
    revision: formatRevision(row.revision),
    occurredAt: new Date(row.occurredAtMs).toISOString(),
    recordedAt: new Date(row.recordedAtMs).toISOString(),
    correlationId: event?.meta.correlationId ?? null,
    changeReason: event?.changeReason ?? null,
    changedFields: event?.changedFields ?? null,
    changes,
    topic: row.topic,
    received:
      row.partition === null || row.offset === null
        ? null
        : { partition: row.partition, offset: row.offset.toString() },
    published: row.published && {
      partition: row.published.partition,
      offset: row.published.offset.toString(),
      at: new Date(row.published.atMs).toISOString(),
    },
  };
}
