import * as z from 'zod';
import { reportFor, type LagReport } from '../domain/lag/report.ts';
import { LAG_VERDICTS } from '../domain/lag/verdict.ts';
import type { ApiDeps } from './api-deps.ts';
import { guarded, type Endpoint } from './endpoint.ts';
import { ProblemError } from './problem.ts';
import { ALL_SCOPES, NO_FIELDS, NO_QUERY } from './request-parts.ts';

const seconds = z.number().min(0);
const row = z
  .object({
    direction: z.enum(['in', 'out', 'read', 'silence']).meta({
      description:
        'in: what the bridge has not settled; out: edits of E-assurance that Kafka has not acknowledged; read: what the insurer has not read of them; silence: whether the insurer writes at all.',
    }),
    provider: z.string().meta({ example: 'saa' }),
    topic: z.string().nullable().meta({ example: 'saa-constat.created' }),
    partitions: z.array(z.number()).nullable().meta({ description: 'Null: all of the topic.' }),
    verdict: z.enum(LAG_VERDICTS),
    cause: z.string(),
    next: z.string().nullable().meta({ description: 'What to type next.', example: 'bridge doctor' }),
    behindSeconds: seconds.nullable().meta({ description: 'Age of the oldest; null when it is not known.' }),
    messages: z.number().min(0).nullable(),
    ratePerSecond: z.number().nullable(),
    drainSeconds: z.union([seconds, z.literal('never')]).nullable(),
    since: z.iso.datetime(),
  })
  .meta({ id: 'LagRow' });

const figures = z
  .object({
    provider: z.string(),
    circuit: z.enum(['closed', 'open', 'half-open']).nullable(),
    apiRefusesUs: z.boolean().meta({ description: 'It answers 401 or 403 to our key.' }),
    clockSkewSeconds: z.number().nullable().meta({
      description: "By how much the insurer's clock is ahead of the broker's; negative: behind.",
    }),
    lastArrival: z.iso.datetime().nullable(),
    usualPauseSeconds: seconds.nullable(),
    quarantine: z.array(z.object({ code: z.string(), open: z.number(), oldestSeconds: seconds })),
    conflicts: z.array(z.object({ severity: z.string(), open: z.number(), oldestSeconds: seconds })),
    outbox: z.object({ waiting: z.number(), parked: z.number(), oldestSeconds: seconds }),
    constats: z.object({
      undeclared: z.number().meta({ description: 'Drafts in the last three days to declare them.' }),
      withoutReport: z.number().meta({ description: 'Open, with injuries and without a police report.' }),
    }),
    cursors: z.array(z.object({ collection: z.string(), ageSeconds: seconds })),
  })
  .meta({ id: 'ProviderFigures' });

const report = z.object({
  asOf: z.iso.datetime(),
  database: z.boolean().meta({ description: 'PostgreSQL answered.' }),
  kafka: z.boolean().meta({ description: 'Kafka answered.' }),
  rows: z.array(row).meta({ description: 'Worst first.' }),
  providers: z.array(figures),
});

export type LagDocument = z.infer<typeof report>;

/** `GET /v1/lag`: what the sampler saw last, also while PostgreSQL is away. An insurer's key sees its own alone. */
export function readLag(deps: Pick<ApiDeps, 'lag'>): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/lag',
    operationId: 'read-lag',
    tag: 'operation',
    access: ALL_SCOPES,
    // While PostgreSQL is away is when somebody asks.
    withoutDatabase: true,
    summary: 'How far behind everything is, since when, why, and the next command',
    params: NO_FIELDS,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: { 200: { description: 'All that the key may see', schema: report } },
    problems: ['unavailable'],
    handle: async ({ caller }) => {
      const last = deps.lag();
      if (last === null)
        throw new ProblemError('unavailable', 'Lag was not measured yet; ask again in seconds.');
      return {
        status: 200,
        headers: { 'Cache-Control': 'no-store' },
        body: lagDocument(reportFor(last, caller.providers)),
      };
    },
  });
}

export function lagDocument({ atMs, rows, providers, ...rest }: LagReport): LagDocument {
  return {
    asOf: time(atMs),
    ...rest,
    rows: rows.map(({ sinceMs, partitions, ...each }) => ({
      ...each,
      partitions: partitions && [...partitions],
      since: time(sinceMs),
    })),
    providers: providers.map(({ lastArrivalMs, quarantine, conflicts, cursors, ...each }) => ({
      ...each,
      lastArrival: lastArrivalMs === null ? null : time(lastArrivalMs),
      quarantine: [...quarantine],
      conflicts: [...conflicts],
      cursors: [...cursors],
    })),
  };
}

const time = (ms: number): string => new Date(ms).toISOString();
