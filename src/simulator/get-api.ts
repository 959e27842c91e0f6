import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import { z } from 'zod';
import { misbehave } from './api-faults.ts';
import type { PlatformSettings } from './create-platform.ts';
import type { JsonObject } from './json.ts';
import { findKind, KINDS } from './kinds.ts';
import type { PlatformKind } from './kinds.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { sendProblem } from './problem.ts';
import { findPolicy, findRecord, walkRecords } from './record-table.ts';
import type { PlatformRecord } from './record.ts';
import { requireKey } from './require-key.ts';
import { revisionText } from './revision.ts';
import type { Revision } from './revision.ts';
import { readCursor, writeCursor } from './walk-cursor.ts';

const MAX_PAGE = 200;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DEFAULT_RATE = { requests: 600, windowMs: 60_000 };

const walkQuery = z.strictObject({
  updatedSince: z.iso.datetime({ offset: true }).optional(),
  cursor: z.string().min(1).max(200).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
});
const plateQuery = walkQuery.extend({ plate: z.string().min(1).max(40).optional() });
const policyQuery = z.strictObject({ asOf: z.iso.date().optional() });

/** What E-assurance reads from an insurer: every record with its revision, walks in the order (updatedAt, id), a strong
 *  ETag from the revision, RFC 9457 problems. */
export function getApi(settings: PlatformSettings, deps: PlatformDeps): Router {
  const router = express.Router();
  const { pool, providerId } = deps;
  router.use(
    misbehave(deps.faults),
    requireKey(settings.apiKeys),
    limitRate(settings.rateLimit ?? DEFAULT_RATE),
  );

  router.get('/health', async (_request, response) => {
    await pool.query('SELECT 1');
    response.json({ status: 'pass', provider: providerId, time: new Date(deps.now()).toISOString() });
  });
  router.get('/meta', (_request, response) => {
    response.json({
      provider: providerId,
      apiVersion: 'v1',
      writerId: deps.writerId,
      collections: KINDS.map((kind) => kind.collection),
      maxPageSize: MAX_PAGE,
      walkOrder: ['updatedAt', 'id'],
    });
  });
  for (const kind of KINDS) {
    const query = kind.name === 'vehicle' ? plateQuery : walkQuery;
    router.get(`/${kind.collection}`, async (request, response) => {
      response.json(await walk(kind, query.parse(request.query), deps));
    });
    if (kind.name === 'policy') continue;
    router.get(`/${kind.collection}/:id`, async (request, response) => {
      const { id } = request.params;
      sendRecord(request, response, UUID.test(id) ? await findRecord(pool, kind.name, id) : null, kind);
    });
  }
  router.get('/policies/:number', async (request, response) => {
    const { number } = request.params;
    const { asOf } = policyQuery.parse(request.query);
    const byId = UUID.test(number) ? await findRecord(pool, 'policy', number) : null;
    sendRecord(
      request,
      response,
      byId ?? (await findPolicy(pool, number, asOf ?? null)),
      findKind('policy')!,
    );
  });
  return router;
}

async function walk(
  kind: PlatformKind,
  query: z.infer<typeof plateQuery>,
  deps: PlatformDeps,
): Promise<object> {
  const asOf = new Date(deps.now()).toISOString();
  const after = query.cursor === undefined ? null : readCursor(query.cursor);
  const since = after ? null : (query.updatedSince ?? null);
  const plate = query.plate === undefined ? {} : { plate: normalizePlate(query.plate) };
  // One more than asked tells whether there is a next page.
  const found = await walkRecords(deps.pool, kind.name, { since, after, limit: query.limit + 1, ...plate });
  const page = found.slice(0, query.limit);
  const hasMore = found.length > page.length;
  const nextCursor = hasMore ? writeCursor(page.at(-1)!) : null;
  return { data: page.map(toResource), page: { nextCursor, hasMore }, asOf };
}

/** `updatedAt` is this platform's: the order in which its walks go. */
function toResource(record: PlatformRecord): JsonObject {
  return { ...record.state, updatedAt: record.updatedAt, revision: record.revision };
}

/** 304 when If-None-Match names the revision. Asked here, since Express would answer 200 to every caller that also sends
 *  `Cache-Control: no-cache`, as fetch does. */
function sendRecord(
  request: Request,
  response: Response,
  record: PlatformRecord | null,
  kind: PlatformKind,
): void {
  if (!record) return sendProblem(response, 404, 'NOT_FOUND', `There is no such ${kind.name}.`);
  const etag = entityTag(record.revision);
  response.set('ETag', etag).set('Cache-Control', 'private, no-cache');
  const known = request.get('if-none-match') ?? '';
  if (known.trim() === '*' || known.match(/"[^"]*"/g)?.includes(etag)) return void response.status(304).end();
  response.json(toResource(record));
}

/** Strong, and without a comma, at which some clients cut the header's list. */
function entityTag(revision: Revision): string {
  return `"${revisionText(revision).replaceAll(',', ';')}"`;
}

/** Arabic-Indic digits become ASCII, separators go, letters become capitals. */
function normalizePlate(plate: string): string {
  return plate
    .replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) % 16))
    .replace(/[^\p{L}\p{N}]/gu, '')
    .toUpperCase();
}

function limitRate({
  requests,
  windowMs,
}: {
  readonly requests: number;
  readonly windowMs: number;
}): RequestHandler {
  return rateLimit({
    limit: requests,
    windowMs,
    standardHeaders: 'draft-6',
    legacyHeaders: false,
    keyGenerator: (request: Request) => request.get('x-api-key') ?? ipKeyGenerator(request.ip ?? ''),
    handler: (_request, response) =>
      sendProblem(response, 429, 'TOO_MANY_REQUESTS', `More than ${requests} requests in ${windowMs} ms.`),
  });
}
