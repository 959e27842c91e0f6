import pg from 'pg';
import { expect, inject } from 'vitest';
import { digestOf } from '../../src/domain/canonical.ts';
import type { Json, JsonObject } from '../../src/domain/json.ts';
import { formatRevision, type Revision } from '../../src/domain/revision.ts';
import { isAtRest } from '../support/at-rest.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { patchConstat, postConstat, type ShownEntity } from './actions.ts';
import type { Bed, Insurer } from './setup.ts';

/** What both sides hold once they have come to rest. */
export interface Level {
  readonly state: JsonObject;
  readonly seal: string | null;
}

/** A constat that staff have opened and that both sides hold at (1,0). */
export async function sharedConstat(
  bed: Bed,
  insurer: Insurer,
  change: JsonObject = {},
): Promise<ShownEntity> {
  const body = { ...insurer.sample.constat(), ...change, providerId: insurer.id };
  const { status, data } = await postConstat(bed, body);
  if (status !== 201) throw new Error(`recording a constat was answered ${status}: ${JSON.stringify(data)}`);
  await insurer.platform.waitFor('constat', data.id, () => true, 20_000);
  return data;
}

/** A merge patch by staff that must be accepted; `base` defaults to how the constat was shown. */
export async function staffEdit(
  bed: Bed,
  constat: ShownEntity,
  patch: JsonObject,
  base: string = constat.revision,
): Promise<ShownEntity> {
  const { status, data } = await patchConstat(bed, constat.id, base, patch);
  if (status !== 200) throw new Error(`an edit by staff was answered ${status}: ${JSON.stringify(data)}`);
  return data;
}

/** Runs `edits` while nothing that the insurer publishes leaves its platform, so that what the two sides edit is
 *  concurrent: the insurer's edits first, before ours reach it. Then everything goes on its way. */
export async function apart<T>(insurer: Insurer, edits: () => Promise<T>): Promise<T> {
  insurer.platform.faults.set({ holdPublications: true });
  try {
    return await edits();
  } finally {
    insurer.platform.faults.set({ holdPublications: false });
  }
}

/** Waits until nothing is on its way any more, then demands that both sides hold the constat at this revision with equal
 *  content, each digest computed by that side's own code, and that nothing of it waits in quarantine. */
export async function expectLevel(
  bed: Bed,
  insurer: Insurer,
  id: string,
  revision: { readonly hub?: number; readonly provider?: number } | Revision,
): Promise<Level> {
  await atRest(bed, insurer);
  const { rows } = await bed.db.query<{ revision: Revision; digest: string; seal: string | null }>(
    `select revision, encode(digest, 'hex') as digest, encode(seal, 'hex') as seal from constat where id = $1`,
    [id],
  );
  const ours = rows[0]!;
  const theirs = (await insurer.platform.find('constat', id))!;
  const wanted = formatRevision(revisionOf(insurer, revision));
  expect([formatRevision(ours.revision), formatRevision(theirs.revision)]).toEqual([wanted, wanted]);
  expect(theirs.digest).toBe(ours.digest);
  const { data } = await bed.staff.get<ShownEntity>(`/v1/constats/${id}`);
  expect(digestOf(data.state, bed.topology.kinds.get('constat')!.shape)).toBe(ours.digest);
  const waiting = 'select code, cause from quarantine where entity_id = $1 and settled_at is null';
  expect((await bed.db.query(waiting, [id])).rows).toEqual([]);
  return { state: theirs.state, seal: ours.seal };
}

function revisionOf(
  insurer: Insurer,
  revision: { readonly hub?: number; readonly provider?: number } | Revision,
): Revision {
  const { hub, provider, ...others } = revision as Record<string, number>;
  return {
    ...others,
    ...(hub === undefined ? {} : { eassurance: hub }),
    ...(provider === undefined ? {} : { [insurer.id]: provider }),
  };
}

/** Resolves once every event that was published to the insurer's topics has been read by both sides, and neither has
 *  anything left to publish. */
export async function atRest(bed: Bed, insurer: Insurer): Promise<void> {
  const topics = [...bed.topology.routes.values()]
    .filter(({ providerId, kind }) => providerId === insurer.id && kind === 'constat')
    .map(({ topic }) => topic);
  const groupId = `${insurer.id}-platform`;
  const database = platformDatabase(insurer);
  try {
    await withKafkaAdmin((admin) =>
      waitFor('everything published was read on both sides, and nothing waits', () =>
        isAtRest({ admin, topics, groupId, hub: bed.db, insurer: database }),
      ),
    );
  } finally {
    await database.end();
  }
}

export interface ShownConflict {
  readonly atom: string;
  readonly code: string;
  readonly severity: string;
  readonly stands: string;
  readonly base: Json;
  readonly ours: Json;
  readonly theirs: Json;
  readonly status: string;
  readonly joined: number;
}

/** Every conflict that was ever opened on the entity, oldest first. */
export async function conflictsOf(bed: Bed, id: string): Promise<readonly ShownConflict[]> {
  const { rows } = await bed.db.query<ShownConflict>(
    `select atom, code, severity, stands, base, ours, theirs, status::text, jsonb_array_length(joined) as joined
     from conflict where entity_id = $1 order by id`,
    [id],
  );
  return rows;
}

/** In the insurer's own database. */
export async function queryPlatform<Row extends pg.QueryResultRow>(
  insurer: Insurer,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const database = platformDatabase(insurer);
  try {
    return (await database.query<Row>(text, [...values])).rows;
  } finally {
    await database.end();
  }
}

function platformDatabase(insurer: Insurer): pg.Pool {
  const url = new URL(inject('databaseUrl'));
  url.pathname = `/platform_${insurer.id}`;
  return new pg.Pool({ connectionString: url.href, max: 1 });
}
