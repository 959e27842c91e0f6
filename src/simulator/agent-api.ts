import express from 'express';
import type { Request, Router } from 'express';
import { z } from 'zod';
import type { Edits, PlatformSettings } from './create-platform.ts';
import { API_FAULTS, PUBLICATION_FAULTS } from './faults.ts';
import type { FaultSettings } from './faults.ts';
import type { PlatformDeps } from './platform-deps.ts';
import { PlatformError } from './platform-error.ts';
import type { PlatformRecord } from './record.ts';
import { requireKey } from './require-key.ts';
import { parseRevision, reaches, revisionText } from './revision.ts';
import type { Revision } from './revision.ts';

const revision = z.record(z.string(), z.number().int().min(0));
const object = z.record(z.string(), z.json());
const createBody = z.strictObject({ state: object, silently: z.boolean().default(false) });
const optionsShape = { baseRevision: revision.optional(), reason: z.string().max(500).optional() };
const optionsBody = z.strictObject(optionsShape).default({});
const editBody = z.strictObject({ patch: object, ...optionsShape });
const findQuery = z.strictObject({
  waitRevision: z.string().optional(),
  timeoutMs: z.coerce.number().int().min(1).max(120_000).default(30_000),
});
const eventsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,18}$/)
    .default('0'),
  limit: z.coerce.number().int().min(1).max(1_000).default(500),
});
const strikes = z.union([z.number().int().min(0), z.literal(true)]);
const faultsBody = z.strictObject({
  ...Object.fromEntries(PUBLICATION_FAULTS.map((name) => [name, strikes.optional()])),
  holdPublications: z.boolean().optional(),
  api: z.enum(API_FAULTS).optional(),
  apiDelayMs: z.number().int().min(0).max(600_000).optional(),
});

/** What the insurer's own staff do in their own program: open, edit, sign, validate, verify, process. Not part of any
 *  contract with E-assurance. */
export function agentApi(settings: PlatformSettings, edits: Edits, deps: PlatformDeps): Router {
  const router = express.Router();
  router.use(requireKey([settings.agentKey]), express.json({ limit: '2mb' }));
  const shown = async (record: PlatformRecord) => ({ ...record, event: await edits.position(record) });

  router.get('/records/:kind', async (request, response) => {
    response.json({ data: await edits.list(request.params.kind) });
  });
  router.post('/records/:kind', async (request, response) => {
    const { state, silently } = createBody.parse(request.body);
    const create = silently ? edits.createSilently : edits.create;
    response.status(201).json(await shown(await create(request.params.kind, state)));
  });
  router.get('/records/:kind/:id', async (request, response) => {
    response.json(await shown(await findOrWait(request, edits)));
  });
  router.patch('/records/:kind/:id', async (request, response) => {
    const { kind, id } = namedIn(request);
    const { patch, ...options } = editBody.parse(request.body);
    response.json(await shown(await edits.edit(kind, id, patch, defined(options))));
  });
  router.post('/constats/:id/sign', async (request, response) => {
    response.json(await shown(await edits.sign(request.params.id, defined(optionsBody.parse(request.body)))));
  });
  router.post('/constats/:id/validate', async (request, response) => {
    response.json(
      await shown(await edits.validate(request.params.id, defined(optionsBody.parse(request.body)))),
    );
  });
  // The staff's words for what is an edit of one kind.
  for (const [path, kind] of [
    ['/vehicles/:id/verify', 'vehicle'],
    ['/policies/:id/update', 'policy'],
    ['/claims/:id/process', 'claim'],
  ] as const) {
    router.post(path, async (request, response) => {
      const { patch, ...options } = editBody.parse(request.body);
      response.json(await shown(await edits.edit(kind, request.params.id, patch, defined(options))));
    });
  }
  router.get('/events', async (request, response) => {
    const { after, limit } = eventsQuery.parse(request.query);
    response.json({ data: await edits.events(after, limit) });
  });
  router.get('/faults', (_request, response) => void response.json(deps.faults.current()));
  router.put('/faults', (request, response) => {
    const change = faultsBody.parse(request.body) as Partial<FaultSettings>;
    deps.faults.clear();
    deps.faults.set(change);
    response.json(deps.faults.current());
  });
  return router;
}

/** With `waitRevision`, answers as soon as the record has seen all of that revision. */
async function findOrWait(request: Request, edits: Edits): Promise<PlatformRecord> {
  const { kind, id } = namedIn(request);
  const { waitRevision, timeoutMs } = findQuery.parse(request.query);
  if (waitRevision !== undefined) {
    const wanted = parseRevision(waitRevision);
    if (!wanted)
      throw new PlatformError(
        400,
        'BAD_REQUEST',
        `waitRevision is written like ${revisionText({ eassurance: 1, saa: 2 })}.`,
      );
    return edits.waitFor(kind, id, (record) => reaches(record.revision, wanted), timeoutMs);
  }
  const record = await edits.find(kind, id);
  if (!record) throw new PlatformError(404, 'NOT_FOUND', `There is no ${kind} ${id}.`);
  return record;
}

function namedIn(request: Request): { kind: string; id: string } {
  const { kind, id } = request.params as { kind: string; id: string };
  if (!z.uuid().safeParse(id).success)
    throw new PlatformError(404, 'NOT_FOUND', `There is no ${kind} ${id}.`);
  return { kind, id };
}

function defined(options: { baseRevision?: Revision | undefined; reason?: string | undefined }): {
  baseRevision?: Revision;
  reason?: string;
} {
  const { baseRevision, reason } = options;
  return { ...(baseRevision ? { baseRevision } : {}), ...(reason !== undefined ? { reason } : {}) };
}
