import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import axios from 'axios';
import Table from 'cli-table3';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { CRASH_POINTS, type CrashPoint } from '../../src/runtime/crash-points.ts';
import { withKafkaAdmin } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { patchConstat, postConstat, type ShownEntity } from './actions.ts';
import {
  openLane,
  shuffledPoints,
  type Ending,
  type Lane,
  type Signal,
  type StartOptions,
} from './crash-lane.ts';
import { apart, atRest, queryPlatform } from './sides.ts';

/** The crash matrix (docs/reliability.md): a real process is ended at every named point, once by SIGKILL and once by
 *  SIGTERM, with events and edits of its own; the next one goes on from there. What the promises say is then read from
 *  outside. */

/** What somebody was told, or has to be told once more. */
interface Traces {
  /** Constats that must be the same on both sides. */
  readonly constats: string[];
  /** Requests that were cut off: whoever sent them repeats them. */
  readonly unanswered: { readonly body: JsonObject; readonly key: string }[];
}

interface Row {
  readonly start?: StartOptions;
  /** Before the process is there. */
  readonly prepare?: (lane: Lane, traces: Traces) => Promise<void>;
  /** What the process does when it reaches the point; it may then be gone. Nothing where starting is enough. */
  readonly provoke?: (lane: Lane, traces: Traces) => Promise<void>;
  readonly ending?: (lane: Lane) => Promise<Ending>;
  /** Afterwards. */
  readonly mend?: (lane: Lane) => Promise<void>;
}

const opensAtInsurer: Row['provoke'] = async ({ insurer }, { constats }) => {
  constats.push((await insurer.platform.create('constat', insurer.sample.constat())).id);
};

/** An acknowledged request leaves a constat; one that was cut off is to be repeated. */
async function record({ bed, insurer }: Lane, traces: Traces): Promise<ShownEntity | null> {
  const request = { body: { ...insurer.sample.constat(), providerId: insurer.id }, key: randomUUID() };
  const answer = await postConstat(bed, request.body, request.key).catch(() => null);
  if (answer?.status !== 201) {
    traces.unanswered.push(request);
    return null;
  }
  traces.constats.push(answer.data.id);
  return answer.data;
}

/** A constat that both sides hold; null when the process has ended on the way. */
async function share(lane: Lane, traces: Traces): Promise<ShownEntity | null> {
  const ours = await record(lane, traces);
  if (ours === null) return null;
  const { platform } = lane.insurer;
  await waitFor(
    'the insurer has the constat, or the process has ended',
    async () => !lane.isRunning() || (await platform.find('constat', ours.id)) !== null,
  );
  return lane.isRunning() ? ours : null;
}

const recordsHere: Row['provoke'] = async (lane, traces) => void (await record(lane, traces));

const editsOnBothSides: Row['provoke'] = async (lane, traces) => {
  const ours = await share(lane, traces);
  if (ours === null) return;
  await apart(lane.insurer, async () => {
    await lane.insurer.platform.edit('constat', ours.id, { providerReference: 'S-1' });
    await patchConstat(lane.bed, ours.id, ours.revision, { statusReason: 'Photos reçues' }).catch(() => null);
  });
};

/** Only the GET API shows it until the row is over. */
const showsByApiAlone: Row = {
  start: { pull: true },
  prepare: async (lane, traces) => {
    lane.insurer.platform.faults.set({ holdPublications: true });
    await opensAtInsurer(lane, traces);
  },
  mend: async ({ insurer }) => insurer.platform.faults.set({ holdPublications: false }),
};

/** Staff ask for what the insurer has lost until it is sent again. */
const losesOurs: Row = {
  provoke: async (lane, traces) => {
    const ours = await share(lane, traces);
    if (ours === null) return;
    await queryPlatform(lane.insurer, 'delete from record where id = $1', [ours.id]);
    await waitFor(
      'the constat is to be sent again',
      async () => {
        await lane.bed.staff.post(`/v1/constats/${ours.id}/refresh`).catch(() => null);
        return !lane.isRunning();
      },
      Boolean,
      60_000,
    );
  },
};

/** As after a restore: of one constat that both sides hold, the database has never heard. */
const forgetsOurs: Row = {
  start: { recover: true },
  prepare: async ({ bed: { db }, ownId }) => {
    const client = await db.connect();
    await client.query('set session_replication_role = replica');
    await client.query('delete from constat where id = $1', [ownId]);
    await client.query('delete from event where entity_id = $1', [ownId]);
    await client.query('update applied_offset set next_offset = 0');
    await client.query('reset session_replication_role');
    client.release();
  },
};

const stops: Row['provoke'] = async (lane, traces) => {
  await opensAtInsurer(lane, traces);
  lane.send('SIGTERM');
};

const rebalances: Row['ending'] = (lane) => lane.rebalance();

/** A topic that takes nothing: what is sent to it is parked. */
const refusing = (lane: Lane, maxBytes: string) =>
  withKafkaAdmin(async (admin) => {
    await admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: `${lane.insurer.id}-constat.created`,
          configEntries: [{ name: 'max.message.bytes', value: maxBytes }],
        },
      ],
    });
  });

const registryUrl = inject('registryUrl');
const registry = axios.create({ validateStatus: () => true });
const subjectOf = (lane: Lane) => `${lane.insurer.id}-policy.updated-value`;

const rows: Readonly<Record<CrashPoint, Row>> = {
  'start:migrations-checked': {},
  'start:providers-recorded': {},
  'start:compatibility-set': {
    // By SIGKILL a new subject; by SIGTERM one that an older build has left behind, registered and without compatibility.
    prepare: async (lane) => {
      const subject = subjectOf(lane);
      if (lane.signal === 'SIGTERM') {
        await registry.put(`${registryUrl}/config/${subject}`, { compatibility: 'NONE' });
        return;
      }
      await registry.delete(`${registryUrl}/subjects/${subject}`);
      await registry.delete(`${registryUrl}/config/${subject}`);
    },
  },
  'start:schemas-registered': {},
  'start:schema-stored': {
    provoke: async ({ insurer }) => void (await insurer.platform.create('claim', insurer.sample.claim())),
  },
  'rebalance:begun': { provoke: opensAtInsurer, ending: rebalances },
  'rebalance:joined': { start: { passage: 2 }, provoke: opensAtInsurer, ending: rebalances },
  'consume:fetched': { provoke: opensAtInsurer },
  'consume:decoded': { provoke: opensAtInsurer },
  'apply:read': { provoke: opensAtInsurer },
  'apply:written': { provoke: opensAtInsurer },
  'apply:committed': { provoke: opensAtInsurer },
  'consume:committed': { provoke: opensAtInsurer },
  'merge:composed': { provoke: editsOnBothSides },
  'merge:committed': { provoke: editsOnBothSides },
  'edit:written': { provoke: recordsHere },
  'edit:committed': { provoke: recordsHere },
  'edit:relay-woken': { provoke: recordsHere },
  'relay:read': { provoke: recordsHere },
  'relay:sent': { provoke: recordsHere },
  'relay:parked': {
    prepare: (lane) => refusing(lane, '100'),
    provoke: recordsHere,
    // Whoever has mended the topic takes the row up again.
    mend: async (lane) => {
      await refusing(lane, '1048576');
      const { rowCount } = await lane.bed.db.query(
        `update outbox set parked_at = null where parked_code is not null`,
      );
      expect(rowCount).toBe(1);
    },
  },
  'relay:acknowledged': { provoke: recordsHere },
  'pull:fetched': showsByApiAlone,
  'pull:applied': showsByApiAlone,
  'pull:walked': showsByApiAlone,
  'pull:cursor-moved': showsByApiAlone,
  'republish:written': losesOurs,
  'republish:committed': losesOurs,
  'prune:read': {},
  'prune:emptied': { start: { prune: true } },
  'recover:surveyed': forgetsOurs,
  'recover:written': forgetsOurs,
  'recover:adopted': forgetsOurs,
  'stop:asked': { provoke: stops },
  'stop:left': { provoke: stops },
  'stop:ended': { provoke: stops },
};

/** Ends one process after the other; every row is there, with how its process ended. */
async function endAtEveryPoint(lane: Lane, traces: Traces): Promise<ReadonlyMap<CrashPoint, Ending>> {
  const endings = new Map<CrashPoint, Ending>();
  // Who is ended while it recovers is started like that again.
  let recover = false;
  for (const point of shuffledPoints()) {
    const { start, prepare, provoke, ending, mend } = rows[point];
    await prepare?.(lane, traces);
    await lane.start(point, { recover, ...start });
    // A process that still had to recover from the point before may have come to this one by itself.
    if (provoke && (await lane.ready())) await provoke(lane, traces);
    endings.set(point, await (ending?.(lane) ?? lane.ended()));
    await mend?.(lane);
    recover = start?.recover ?? false;
  }
  return endings;
}

/** The last process ends at no point: what is still to be done is done, and repeated by whoever got no answer. */
async function comeToRest(lane: Lane, traces: Traces): Promise<void> {
  // With the GET API: what the insurer lost comes again only when it is asked.
  await lane.start(null, { pull: true });
  expect(await lane.ready()).toBe(true);
  for (const { body, key } of traces.unanswered) {
    const { status, data } = await postConstat(lane.bed, body, key);
    expect(status).toBe(201);
    traces.constats.push(data.id);
  }
  const { platform } = lane.insurer;
  await waitFor('the insurer has every constat', async () => {
    const held = new Set((await platform.list('constat')).map(({ id }) => id));
    return traces.constats.every((id) => held.has(id));
  });
  await atRest(lane.bed, lane.insurer);
}

interface Played {
  readonly lane: Lane;
  readonly traces: Traces;
  readonly endings: ReadonlyMap<CrashPoint, Ending>;
}

async function play(signal: Signal): Promise<Played> {
  const lane = await openLane(signal);
  lanes.push(lane);
  const traces: Traces = { constats: [lane.agedId, lane.ownId], unanswered: [] };
  const endings = await endAtEveryPoint(lane, traces);
  await comeToRest(lane, traces);
  return { lane, traces, endings };
}

/** Each point with how its two processes ended. */
function printMatrix(endings: ReadonlyMap<Signal, Played>): void {
  const table = new Table({ head: ['point', ...endings.keys()] });
  for (const point of CRASH_POINTS)
    table.push([point, ...[...endings.values()].map((lane) => inWords(lane.endings.get(point)!))]);
  process.stdout.write(`${table.toString()}\n`);
}

function inWords({ code, signal }: Ending): string {
  return signal ?? `exit ${code}`;
}

const SIGNALS: readonly Signal[] = ['SIGKILL', 'SIGTERM'];
const lanes: Lane[] = [];
let played: ReadonlyMap<Signal, Played>;
// Most of the time a process waits for the others of its kind: both lanes fit beside each other.
beforeAll(async () => {
  const all = await Promise.all(SIGNALS.map(async (signal) => [signal, await play(signal)] as const));
  played = new Map(all);
  printMatrix(played);
}, 1_500_000);
afterAll(() => Promise.all(lanes.map((lane) => lane.close())));

describe.each(SIGNALS)('A bridge that is ended by %s at any named point', (signal) => {
  let lane: Lane, traces: Traces, endings: Played['endings'];
  beforeAll(() => void ({ lane, traces, endings } = played.get(signal)!));

  it.each(CRASH_POINTS)('%s', (point) => {
    const { code, signal: endedBy } = endings.get(point)!;
    if (signal === 'SIGKILL') expect(endedBy).toBe('SIGKILL');
    // A second SIGTERM, while the first is being obeyed, ends the process where it stands.
    else expect(code).toBe(point.startsWith('stop:') ? 1 : 0);
  });

  it('leaves both sides the same', async () => {
    const { rows: ours } = await lane.bed.db.query<{ id: string; digest: string; revision: JsonObject }>(
      `select id, encode(digest, 'hex') as digest, revision from constat order by id`,
    );
    const theirs = await queryPlatform(
      lane.insurer,
      `select id, digest, revision from record where kind = 'constat' order by id`,
    );
    expect(ours).toEqual(theirs);
    expect(ours.map(({ id }) => id)).toEqual([...traces.constats].sort());
  });

  it('has settled every event that the insurer published, once, and quarantined none', async () => {
    const sent = await queryPlatform<{ event_id: string }>(lane.insurer, 'select event_id from outbox');
    const eventIds = sent.map(({ event_id }) => event_id);
    // The ledger refuses a second row of one event.
    await waitFor('all of them stand in the ledger', async () => {
      const { rows } = await lane.bed.db.query('select from event where event_id = any($1::uuid[])', [
        eventIds,
      ]);
      return rows.length === eventIds.length;
    });
    expect((await lane.bed.db.query('select code, cause from quarantine')).rows).toEqual([]);
    expect((await lane.bed.db.query('select from outbox')).rowCount).toBe(0);
  });

  it('holds one history row per revision', async () => {
    const { rows: twice } = await lane.bed.db.query(
      `select entity_id, revision, count(*)::int as n from event
       where outcome in ('applied', 'merged') group by 1, 2 having count(*) > 1`,
    );
    expect(twice).toEqual([]);
  });

  it('has brought every edit to the topic that was acknowledged or repeated', async () => {
    const { rows: unsent } = await lane.bed.db.query(
      `select e.event_id from event e join route r on r.id = e.route_id
       where r.origin = 'eassurance' and not exists
         (select from delivery d where d.event_id = e.event_id and d.outcome = 'published')`,
    );
    expect(unsent).toEqual([]);
  });

  it('has left no subject without its compatibility', async () => {
    const subject = `${registryUrl}/subjects/${subjectOf(lane)}/versions`;
    expect((await registry.get(subject)).data).toHaveLength(1);
    const { data } = await registry.get(`${registryUrl}/config/${subjectOf(lane)}`);
    expect(data).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
  });

  it('has pruned no state that is still needed', async () => {
    const { rows: emptied } = await lane.bed.db.query<{ entity_id: string }>(
      'select entity_id from event where bytes is null',
    );
    expect(new Set(emptied.map(({ entity_id }) => entity_id))).toEqual(new Set([lane.agedId]));
    const { status } = await lane.bed.staff.get(`/v1/constats/${lane.agedId}`);
    expect(status).toBe(200);
  });
});

it('docs/reliability.md names every point', async () => {
  const page = await readFile(path.resolve(import.meta.dirname, '../../docs/reliability.md'), 'utf8');
  expect(CRASH_POINTS.filter((point) => !page.includes(`\`${point}\``))).toEqual([]);
});
