import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplanationDocument } from '../../src/api/explanation-document.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/wait-for.ts';
import { quarantinedAt, settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { runBridge } from './run-child.ts';
import { setup, type Bed, type Insurer, type Position } from './setup.ts';
import { apart, expectLevel, sharedConstat, staffEdit } from './sides.ts';

type EventEpisode = Extract<ExplanationDocument['episodes'][number], { what: 'event' }>;

/** One constat's story: opened by staff, edited on both sides at once, merged, its conflict settled, both sides level; a
 *  record that names it in quarantine. */
let bed: Bed;
let insurer: Insurer;
let name: string;
let constatId: string;
let poison: Position;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  name = insurer.id.toUpperCase();
  const constat = await sharedConstat(bed, insurer, { providerReference: `REF-${insurer.id}` });
  constatId = constat.id;
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constatId, {
      accident: { place: 'RN 5, Rouïba', injuries: 'NO' },
    });
    await staffEdit(bed, constat, { accident: { place: 'Hydra' }, statusReason: 'Dossier complet' });
  });
  await expectLevel(bed, insurer, constatId, { hub: 3, provider: 1 });
  const bad = await composeEvent(
    `${insurer.id}-constat.updated`,
    { ...openedConstat(insurer), constatId },
    { providerId: insurer.id, revision: { [insurer.id]: 2, stranger: 1 } },
  );
  poison = await bed.publish(bad);
  await quarantinedAt(bed, poison);
});
afterAll(() => bed.close());

async function explain(path: string): Promise<ExplanationDocument> {
  const { status, data } = await bed.staff.get<ExplanationDocument>(`/v1/explain/${path}`);
  if (status !== 200) throw new Error(`${path} was answered ${status}: ${JSON.stringify(data)}`);
  return data;
}
const eventsOf = (story: ExplanationDocument): EventEpisode[] =>
  story.episodes.filter((episode) => episode.what === 'event');
/** `bridge explain` in a process of its own. */
async function explainAtTheShell(
  args: readonly string[],
  change: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = runBridge(['explain', ...args], { ...bed.env, ...change });
  const code = await child.exited;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}
/** The story once the insurer's group has committed past our newest event: it commits a moment after it has read. */
const onceRead = () =>
  waitFor(
    'the insurer has committed past our newest event',
    () => explain(constatId),
    (story) => story.summary.includes('has read past it'),
  );

describe('the story of a constat', () => {
  it('tells every event in order, from both sides, with its outcome and why', async () => {
    const story = await onceRead();
    expect(eventsOf(story).map(({ source, origin, outcome }) => [source, origin, outcome])).toEqual([
      ['api', 'eassurance', 'applied'],
      ['api', 'eassurance', 'applied'],
      ['topic', insurer.id, 'merged'],
      ['merge', 'eassurance', 'applied'],
    ]);
    const [opened, ours, theirs, merge] = eventsOf(story) as [
      EventEpisode,
      EventEpisode,
      EventEpisode,
      EventEpisode,
    ];
    expect(opened.why).toBe('E-assurance opened it.');
    expect(ours).toMatchObject({ author: 'Test staff', revision: 'eassurance:2' });
    expect(theirs.why).toContain("Neither side had seen the other's edit");
    expect(theirs.why).toContain('accident/place (theirs stands)');
    expect(theirs.received).toMatchObject({ topic: `${insurer.id}-constat.updated` });
    expect(merge.causationId).toBe(theirs.eventId);
    expect(merge.revision).toBe(`eassurance:3,${insurer.id}:1`);
  });

  it('shows field by field what each changed, personal data masked', async () => {
    const [, ours, theirs, merge] = eventsOf(await explain(constatId));
    const changed = (episode: EventEpisode | undefined) => episode?.changes?.map(({ atom }) => atom);
    expect(changed(ours)).toEqual(['accident/place', 'status']);
    expect(changed(theirs)).toContain('accident/place');
    expect(changed(merge)).toContain('accident/place');
    const text = JSON.stringify(await explain(constatId));
    for (const personal of ['Hydra', 'Rouïba', 'Dossier complet']) expect(text).not.toContain(personal);
  });

  it('tells when each of ours was published, where, and that the insurer has read past it', async () => {
    const story = await onceRead();
    for (const { origin, sending } of eventsOf(story)) {
      if (origin !== 'eassurance') expect(sending).toBeNull();
      else
        expect(sending).toMatchObject({
          state: 'published',
          readers: [{ group: `${insurer.id}-platform`, past: true }],
        });
    }
    expect(story.notes).toEqual([]);
  });

  it('tells what staff have to settle, what waits in quarantine, and sums it up', async () => {
    const story = await onceRead();
    expect(story.episodes.find(({ what }) => what === 'conflict opened')).toMatchObject({
      atom: 'accident/place',
      code: 'BOTH_CHANGED',
      stands: 'theirs',
      status: 'open',
    });
    expect(story.episodes.at(-1)).toMatchObject({
      what: 'quarantine',
      code: 'REVISION_INVALID',
      position: poison,
    });
    expect(story.summary).toMatch(
      new RegExp(
        `^${name}'s edit of \\S+ is in, merged with ours; ours of \\S+ was published at \\S+, and ${name}'s consumer has read past it \\(${insurer.id}-platform\\); a conflict waits for staff; one record that names it waits in quarantine \\(REVISION_INVALID\\)\\.$`,
      ),
    );
  });

  it('is found by event id, by the place of a record on a topic, and by the reference', async () => {
    const [, , theirs, merge] = eventsOf(await explain(constatId)) as [
      EventEpisode,
      EventEpisode,
      EventEpisode,
      EventEpisode,
    ];
    const { topic, partition, offset } = theirs.received!;
    const published = merge.sending as { readonly position: Position };
    const found = await Promise.all([
      explain(theirs.eventId),
      explain(`${topic}/${partition}/${offset}`),
      explain(`${published.position.topic}/${published.position.partition}/${published.position.offset}`),
      explain(`REF-${insurer.id}`),
    ]);
    expect(found.map(({ entity }) => entity?.id)).toEqual(found.map(() => constatId));
    expect(found.map(({ eventId }) => eventId)).toEqual([
      theirs.eventId,
      theirs.eventId,
      merge.eventId,
      null,
    ]);
  });
});

describe('a record that became no event', () => {
  it('in quarantine is told with its cause, also by the event id that it claims', async () => {
    const story = await explain(`${poison.topic}/${poison.partition}/${poison.offset}`);
    expect(story.summary).toMatch(
      /^The record went into quarantine at .* as REVISION_INVALID and waits there: /,
    );
    expect(story.summary).toContain(`it names constat ${constatId}`);
    const byEvent = await explain(story.episodes.find((one) => one.what === 'quarantine')!.eventId!);
    expect(byEvent.episodes).toEqual(story.episodes);
  });

  it('not read yet is told with how far its partition is applied', async () => {
    await settledTo(bed, poison);
    const story = await explain(`${poison.topic}/${poison.partition}/${BigInt(poison.offset) + 5n}`);
    expect(story.summary).toContain(
      `Not read yet: ${poison.topic}/${poison.partition} is applied up to offset ${poison.offset}`,
    );
    expect((await explain(`${poison.topic}/99/0`)).summary).toContain('has no partition 99');
  });

  it.each(['no-such-reference', '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60'])('%s is unknown', async (subject) => {
    const { status, data } = await bed.staff.get(`/v1/explain/${subject}`);
    expect([status, data.detail]).toEqual([404, expect.stringMatching(/^Nothing is known of it/)]);
  });
});

describe('who may read it', () => {
  it('an insurer reads its own, and finds nothing of another', async () => {
    const [own, other] = [await bed.apiAs('provider', insurer.id), await bed.apiAs('provider', 'other')];
    expect((await own.get(`/v1/explain/${constatId}`)).status).toBe(200);
    const position = `${poison.topic}/${poison.partition}/${poison.offset}`;
    for (const subject of [constatId, `REF-${insurer.id}`, encodeURIComponent(position), position]) {
      expect((await other.get(`/v1/explain/${subject}`)).status).toBe(404);
    }
  });
});

describe('`bridge explain`', () => {
  it('prints the story in local time, and the sentence at its end', async () => {
    await onceRead();
    const { code, stdout, stderr } = await explainAtTheShell([constatId]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`constat ${constatId} of ${name}, eassurance:3,${insurer.id}:1`);
    expect(stdout).toContain(`${name} constat.updated: merged`);
    expect(stdout).toMatch(/published \d\d:\d\d:\d\d\.\d{3} to /);
    expect(stdout.trim().split('\n').at(-1)).toMatch(
      new RegExp(`^${name}'s edit of \\d\\d:\\d\\d:\\d\\d is in, merged with ours; .*has read past it`),
    );
    expect(stdout).not.toContain('Rouïba');
  });

  it('prints as JSON what the API answers', async () => {
    await onceRead();
    const { code, stdout } = await explainAtTheShell(['--json', constatId]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(await explain(constatId));
  });

  it('tells all the rest while Kafka is away', async () => {
    const { code, stdout } = await explainAtTheShell([constatId], {
      KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
    });
    expect(code).toBe(0);
    expect(stdout).toContain(`${name} constat.updated: merged`);
    expect(stdout).toMatch(
      new RegExp(`^! How far ${name} has read is not known: Kafka does not answer`, 'm'),
    );
  });

  it('says in a sentence that nothing is known, and ends with 1', async () => {
    const { code, stderr } = await explainAtTheShell(['no-such-reference']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^bridge: Nothing is known of it/)]);
  });
});

it('tells of a settled conflict who settled it and by which edit, and of an emptied event that its bytes are gone', async () => {
  const own = await sharedConstat(bed, insurer);
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', own.id, { accident: { place: 'Chéraga' } });
    await staffEdit(bed, own, { accident: { place: 'Kouba' } });
  });
  await expectLevel(bed, insurer, own.id, { hub: 3, provider: 1 });
  const { data: conflicts } = await bed.staff.get(`/v1/conflicts?entity=${own.id}`);
  const settled = await bed.staff.post(
    `/v1/conflicts/${conflicts.data[0].id}/settle`,
    { choose: 'ours', reason: 'Vu sur place' },
    { headers: { 'Base-Revision': `eassurance:3,${insurer.id}:1` } },
  );
  expect(settled.status).toBe(200);
  await shownAt(bed, 'constats', own.id, `eassurance:4,${insurer.id}:1`);
  await bed.db.query(
    `update event set bytes = null where entity_id = $1 and revision = '{"eassurance": 2}'`,
    [own.id],
  );

  const story = await explain(own.id);
  const events = eventsOf(story);
  expect(story.episodes.find(({ what }) => what === 'conflict settled')).toMatchObject({
    by: 'Test staff',
    reason: 'Vu sur place',
    eventId: events.at(-1)!.eventId,
  });
  expect(events[1]).toMatchObject({
    revision: 'eassurance:2',
    changes: null,
    changesUnknown: 'What it changed is not known: its bytes were emptied (pruned or erased).',
  });
  expect(story.notes).toEqual([expect.stringContaining('The bytes of some events were emptied')]);
});
