import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import type { AxiosInstance } from 'axios';
import { createCleanupStack, type CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { createRandom } from '../simulation/random.ts';
import { judgeEnding, type Verdict } from './compare-sides.ts';
import { openWorld, type World } from './open-world.ts';
import { disturb, hireStaff, openDesk, peopleAtWork, WITHOUT_ANSWER, type Desk } from './people.ts';
import { untilQuiet } from './until-quiet.ts';

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
  const desk = openDesk();
  const time = new AbortController();
  const working = AbortSignal.any([signal, time.signal]);
  const until = Date.now() + minutes * 60_000;
  const clients = await hireStaff((name) => world.staffMember(name));
  let stream = 0;
  const numbers = () => createRandom(seed, ++stream).next;
  const work = [
    ...peopleAtWork(desk, clients, world.insurers, numbers, working),
    ...world.insurers.map(({ platform }) => disturb(platform, numbers(), working)),
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

  await untilQuiet(world, 120_000, signal);
  const [{ defaults }] = clients[0] as [AxiosInstance];
  const staff = { url: defaults.baseURL!, key: String(defaults.headers['X-API-Key']) };
  const verdict = await judgeEnding(world, staff, desk.edits);
  await report(world, desk, verdict);
  const silent = desk.unanswered.length > 0 || desk.refusals.has(WITHOUT_ANSWER);
  return verdict.different.length === 0 && verdict.unaccounted.length === 0 && !silent;
}

async function report({ db }: World, desk: Desk, verdict: Verdict): Promise<void> {
  const { rows } = await db.query<Record<string, number>>(
    `select (select count(*)::int from event where outcome = 'merged') as merges,
            (select count(*)::int from conflict) as conflicts,
            (select count(*)::int from quarantine) as quarantined`,
  );
  const { merges, conflicts, quarantined } = rows[0]!;
  const unanswered = desk.unanswered.map(({ said }) => said);
  for (const line of [...verdict.different, ...unanswered].slice(0, 10)) say(`  ${line}`);
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
