import type pg from 'pg';
import type { EventRow } from '../ports.ts';
import { textArray } from './binary-arrays.ts';

/** The ids of `route` rows, cached for the life of the process. A row that a transaction added is cached only once
 *  that transaction has committed: until then its id may still be undone. */
export interface RouteIds {
  /** The route id of each event, in order; adds the routes that are missing. */
  intern(client: pg.ClientBase, events: readonly EventRow[]): Promise<InternedRoutes>;
}

export interface InternedRoutes {
  readonly ids: readonly number[];
  /** To be called after the commit. */
  readonly remember: () => void;
}

type Route = readonly [
  provider: string,
  kind: string,
  eventType: string,
  origin: string,
  source: string,
  topic: string,
];

export function createRouteIds(): RouteIds {
  const known = new Map<string, number>();
  return {
    async intern(client, events) {
      const keys: string[] = [];
      events.forEach((event, i) => {
        const before = events[i - 1];
        keys.push(before !== undefined && isSameRoute(event, before) ? keys[i - 1]! : keyOf(event));
      });
      const missing = new Map<string, Route>();
      keys.forEach((key, index) => {
        if (!known.has(key)) missing.set(key, routeOf(events[index]!));
      });
      const fresh = missing.size === 0 ? known : await internMissing(client, missing);
      const ids = keys.map((key) => known.get(key) ?? fresh.get(key)!);
      return { ids, remember: () => fresh !== known && fresh.forEach((id, key) => known.set(key, id)) };
    },
  };
}

/** Sorted, so that two transactions that add the same routes wait for each other instead of deadlocking; read first,
 *  since an insert that meets an existing row still uses up one of 32,767 ids. */
async function internMissing(
  client: pg.ClientBase,
  missing: ReadonlyMap<string, Route>,
): Promise<Map<string, number>> {
  const routes = [...missing.keys()].sort().map((key) => missing.get(key)!);
  const found = await selectRoutes(client, routes);
  const absent = routes.filter((route) => !found.has(route.join('\n')));
  if (absent.length === 0) return found;
  await insertRoutes(client, absent);
  return selectRoutes(client, routes);
}

const asColumns = (routes: readonly Route[]) =>
  [0, 1, 2, 3, 4, 5].map((column) => textArray(routes.map((route) => route[column]!)));
const UNNESTED = 'unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])';
const COLUMNS = 'provider, kind, event_type, origin, source, topic';

interface RouteRow {
  readonly id: number;
  readonly provider: string;
  readonly kind: string;
  readonly event_type: string;
  readonly origin: string;
  readonly source: string;
  readonly topic: string;
}

async function selectRoutes(client: pg.ClientBase, routes: readonly Route[]): Promise<Map<string, number>> {
  const { rows } = await client.query<RouteRow>(
    `select r.* from route r join ${UNNESTED} as wanted (${COLUMNS}) using (${COLUMNS})`,
    asColumns(routes),
  );
  return new Map(
    rows.map((row) => [
      [row.provider, row.kind, row.event_type, row.origin, row.source, row.topic].join('\n'),
      row.id,
    ]),
  );
}

/** A route that another transaction is adding is waited for and then left to it. */
async function insertRoutes(client: pg.ClientBase, routes: readonly Route[]): Promise<void> {
  await client.query(
    `insert into route (${COLUMNS}) select * from ${UNNESTED} on conflict do nothing`,
    asColumns(routes),
  );
}

function routeOf(event: EventRow): Route {
  return [event.provider, event.kind, event.eventType, event.origin, event.source, event.topic];
}

/** Most events of a batch came the same way. */
function isSameRoute(a: EventRow, b: EventRow): boolean {
  return (
    a.provider === b.provider &&
    a.kind === b.kind &&
    a.eventType === b.eventType &&
    a.origin === b.origin &&
    a.source === b.source &&
    a.topic === b.topic
  );
}

function keyOf(event: EventRow): string {
  return routeOf(event).join('\n');
}
