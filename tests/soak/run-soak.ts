import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { AxiosInstance } from 'axios';
import { createCleanupStack, type CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { isAtRest } from '../support/at-rest.ts';
import { judgeEnding, type Verdict } from './compare-sides.ts';
import { openWorld, type World } from './open-world.ts';
import { disturb, workAsAgent, workAsStaff, type Desk } from './people.ts';

const STAFF = 6;
const AGENTS_PER_INSURER = 3;
const QUIET_WITHIN_MS = 120_000;

/** Edits at random on both sides for a while, with lines that fail, then demands that both sides hold the same and that
 *  no acknowledged edit was lost. Exit code 0 only then. */
async function soak({
  minutes,
  seed,
}: {
  readonly minutes: number;
  readonly seed: number;
}): Promise<boolean> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new DOMException('asked to stop', 'AbortError'));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const cleanup = createCleanupStack();
  try {
    const world = await openWorld(seed, cleanup, stop.signal);
    say(`two bridges, two insurers; ${minutes} min of editing with seed ${seed}`);
    return await Promise.race([editAndJudge(world, { minutes, seed }, stop.signal), world.failed]);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('stopped before the end; nothing was compared');
    return false;
  } finally {
    // A bridge that failed ends the run: then nobody goes on editing either.
    stop.abort();
    await unwind(cleanup);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function editAndJudge(
  world: World,
  { minutes, seed }: { readonly minutes: number; readonly seed: number },
  signal: AbortSignal,
): Promise<boolean> {
  const desk: Desk = { constats: [], edits: [], refusals: new Map(), unanswered: [] };
  const time = new AbortController();
  const working = AbortSignal.any([signal, time.signal]);
  const until = Date.now() + minutes * 60_000;
  let people = 0;
  const random = () => randomNumbers(seed * 1_000 + ++people);
  const clients: (readonly AxiosInstance[])[] = [];
  for (let i = 1; i <= STAFF; i++) clients.push(await world.staffMember(`staff${i}`));
  const work = [
    ...clients.map((bridges, i) =>
      workAsStaff(desk, { name: `staff${i + 1}`, bridges, insurers: world.insurers }, random(), working),
    ),
    ...world.insurers.flatMap((insurer, i) => [
      ...Array.from({ length: AGENTS_PER_INSURER }, (_, j) =>
        workAsAgent(desk, { name: `agent${i + 1}${j + 1}`, insurer }, random(), working),
      ),
      disturb(insurer.platform, random(), working),
    ]),
  ];
  const finished = Promise.all(work);
  finished.catch(() => time.abort());
  while (Date.now() < until && !working.aborted) {
    await delay(Math.min(15_000, until - Date.now()), undefined, { signal: working }).catch(() => {});
    say(`${desk.edits.length} edits on ${desk.constats.length} constats`);
  }
  time.abort();
  await finished;
  signal.throwIfAborted();

  await untilQuiet(world, signal);
  const [{ defaults }] = clients[0] as [AxiosInstance];
  const staff = { url: defaults.baseURL!, key: String(defaults.headers['X-API-Key']) };
  const verdict = await judgeEnding(world, staff, desk.edits);
  await report(world, desk, verdict);
  return verdict.different.length === 0 && verdict.unaccounted.length === 0 && desk.unanswered.length === 0;
}

/** Throws when it does not become quiet in time: both sides would go on telling each other something. */
async function untilQuiet(world: World, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + QUIET_WITHIN_MS;
  const { admin, db: hub, insurers } = world;
  const quiet = async () => {
    for (const { platform, db: insurer, topics } of insurers) {
      const groupId = `${platform.providerId}-platform`;
      if (!(await isAtRest({ admin, topics, groupId, hub, insurer }))) return false;
    }
    return true;
  };
  while (!(await quiet())) {
    if (Date.now() > deadline) throw new Error(`not quiet ${QUIET_WITHIN_MS / 1000} s after the last edit`);
    await delay(200, undefined, { signal });
  }
}

async function report({ db }: World, desk: Desk, verdict: Verdict): Promise<void> {
  const { rows } = await db.query<Record<string, number>>(
    `select (select count(*)::int from event where outcome = 'merged') as merges,
            (select count(*)::int from conflict) as conflicts,
            (select count(*)::int from quarantine) as quarantined`,
  );
  const { merges, conflicts, quarantined } = rows[0]!;
  for (const line of [...verdict.different, ...desk.unanswered].slice(0, 10)) say(`  ${line}`);
  for (const edit of verdict.unaccounted.slice(0, 10)) say(`  unaccounted: ${JSON.stringify(edit)}`);
  const by = (who: string) => desk.edits.filter((edit) => edit.by === who).length;
  const refused = [...desk.refusals].map(([why, n]) => `${why} ${n}×`).join(', ');
  const fates = [...verdict.fates].map(([fate, n]) => `${n} ${fate}`).join(', ');
  say(`edits: ${by('staff')} by staff, ${by('agent')} by agents, on ${desk.constats.length} constats`);
  say(`refused: ${refused || 'none'}; without an answer: ${desk.unanswered.length}`);
  say(`merges: ${merges}, conflicts: ${conflicts}, in quarantine: ${quarantined}`);
  say(`fates of edits: ${fates}`);
  say(`constats: ${verdict.equal} equal, ${verdict.different.length} different`);
  say(`unaccounted edits: ${verdict.unaccounted.length}`);
}

async function unwind(cleanup: CleanupStack): Promise<void> {
  await cleanup.unwind().catch((error: unknown) => console.error(error));
}

function say(line: string): void {
  console.log(`soak: ${line}`);
}

/** mulberry32 */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It takes a number above 0.');
  return number;
}

const program = new Command('soak')
  .description(
    'Edits at random on both sides over real services, then compares them and accounts for every edit.',
  )
  .option('--minutes <n>', 'how long people edit', positive, 10)
  .option(
    '--seed <n>',
    'what they choose; when they come depends on the machine',
    positive,
    Date.now() % 100_000,
  )
  .action(async (options: { minutes: number; seed: number }) => {
    process.exitCode = (await soak(options)) ? 0 : 1;
  });
await program.parseAsync();
