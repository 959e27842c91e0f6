import * as z from 'zod';
import type { ApiDeps } from './api-deps.ts';
import { guarded, maySee, type Endpoint } from './endpoint.ts';
import { ALL_SCOPES, NO_FIELDS, NO_QUERY } from './request-parts.ts';

const provider = z
  .object({
    id: z.string().meta({ example: 'saa' }),
    name: z.string().meta({ example: "Société Nationale d'Assurance" }),
    topics: z.array(
      z.object({ topic: z.string().meta({ example: 'saa-constat.created' }), writers: z.array(z.string()) }),
    ),
    sharesVerifications: z.boolean(),
    pull: z
      .object({
        collections: z.array(z.string()),
        intervalSeconds: z.number(),
        circuit: z
          .enum(['closed', 'open', 'half-open'])
          .meta({ description: 'Open: its API failed too often and rests.' }),
        lastError: z
          .string()
          .nullable()
          .meta({ description: 'Code of the last failure.', example: 'PROVIDER_UNAVAILABLE' }),
        lastSuccess: z.iso.datetime().nullable(),
      })
      .nullable()
      .meta({ description: 'How its GET API does; null when no address is configured.' }),
  })
  .meta({ id: 'Provider', description: 'An insurer.' });

/** `GET /v1/providers`: the insurers that the caller may see. */
export function listProviders(deps: ApiDeps): Endpoint {
  return guarded({
    method: 'get',
    path: '/v1/providers',
    operationId: 'list-providers',
    tag: 'providers',
    access: ALL_SCOPES,
    summary: 'The insurers, their topics and how pulling from them goes',
    params: NO_FIELDS,
    query: NO_QUERY,
    headers: NO_FIELDS,
    body: null,
    responses: {
      200: { description: 'All that the key may see', schema: z.object({ data: z.array(provider) }) },
    },
    problems: [],
    handle: async ({ caller }) => {
      const routes = [...deps.topology.routes.values()];
      const seen = [...deps.topology.providers.values()].filter(({ id }) => maySee(caller, id));
      const data = seen.map(({ id, name, shareVerifications, pull }) => {
        const status = deps.pullStatus(id);
        return {
          id,
          name,
          topics: routes
            .filter((route) => route.providerId === id)
            .map(({ topic, writers }) => ({ topic, writers })),
          sharesVerifications: shareVerifications,
          pull: status && {
            collections: pull.collections,
            intervalSeconds: pull.intervalMs / 1000,
            circuit: status.circuit,
            lastError: status.lastError,
            lastSuccess: status.lastSuccessMs === null ? null : new Date(status.lastSuccessMs).toISOString(),
          },
        };
      });
      return { status: 200, headers: { 'Cache-Control': 'no-store' }, body: { data } };
    },
  });
}
