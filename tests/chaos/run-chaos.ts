import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { mendRequestQueue } from '../../src/kafka/mend-request-queue.ts';
import { createCleanupStack, type CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { createRandom } from '../simulation/random.ts';
import { judgeEnding } from '../soak/compare-sides.ts';
import { runInsurers } from '../soak/open-insurers.ts';
import { hireStaff, openDesk, peopleAtWork } from '../soak/people.ts';
import { prepareWorld } from '../soak/prepare-world.ts';
import { untilQuiet } from '../soak/until-quiet.ts';
import { disrupt, type Disruption } from './disrupt.ts';
import { keepReplicas } from './keep-replicas.ts';
import { makeNoise } from './make-noise.ts';
import { openServices } from './open-services.ts';
import { readTopics } from './read-topics.ts';
import { findSaved, reckon } from './reckon.ts';
import { printReport, type Ending } from './report.ts';

const REPLICAS = 3;
const QUIET_WITHIN_MS = 180_000;

interface Options {
  readonly minutes: number;
  readonly seed: number;
}

/** Lets people edit on both sides while everything around the bridge fails again and again; then demands that nothing
 *  acknowledged is lost, nothing took effect twice and both sides are the same. */
async function runChaos(options: Options): Promise<boolean> {
  const stop = new AbortController();
  const onSignal = () => stop.abort(new DOMException('asked to stop', 'AbortError'));
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const cleanup = createCleanupStack();
  try {
    return printReport(await play(options, cleanup, stop.signal), say);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('stopped before the end; nothing was reckoned');
    return false;
  } finally {
    stop.abort();
    await cleanup.unwind().catch((error: unknown) => console.error(error));
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function play({ minutes, seed }: Options, cleanup: CleanupStack, signal: AbortSignal): Promise<Ending> {
  mendRequestQueue();
  const services = await openServices(cleanup, signal);
  const skews = [0, 0];
  const world = await prepareWorld(
    {
      ...{ seed, services },
      insurersDatabaseUrl: services.insurersDatabaseUrl,
      clockOf: (insurer) => () => Date.now() + skews[insurer]!,
    },
    cleanup,
  );
  const { replicas, memory } = await keepReplicas(REPLICAS, world, cleanup, signal);
  const { ended } = await runInsurers(world.insurers, cleanup);
  ended.catch(() => {});
  say(`${REPLICAS} bridges, ${world.insurers.length} insurers; ${minutes} min with seed ${seed}`);

  const desk = openDesk();
  const urls = replicas.map(({ url }) => url);
  const clients = await hireStaff((name) => world.staffMember(name, urls));
  let stream = 0;
  const numbers = () => createRandom(seed, ++stream);
  const time = new AbortController();
  const working = AbortSignal.any([signal, time.signal]);
  const done: Disruption[] = [];
  const people = Promise.all(peopleAtWork(desk, clients, world.insurers, () => numbers().next, working));
  const noise = makeNoise(world, numbers(), working);
  const disruption = disrupt({ services, replicas, insurers: world.insurers, skews, done }, numbers, working);
  const work = Promise.all([people, noise, disruption]);
  work.catch(() => time.abort());

  const until = Date.now() + minutes * 60_000;
  while (Date.now() < until && !working.aborted) {
    const nap = delay(Math.min(15_000, until - Date.now()), undefined, { signal: working }).catch(() => {});
    await Promise.race([nap, ended]);
    say(`${desk.edits.length} edits on ${desk.constats.length} constats, ${done.length} disruptions`);
  }
  time.abort();
  await work;
  signal.throwIfAborted();

  say('everybody has stopped; waiting until both sides are at rest');
  const endedAtMs = Date.now();
  await untilQuiet(world, QUIET_WITHIN_MS, signal);
  const quietAfterMs = Date.now() - endedAtMs;

  const records = await readTopics(world, services.registryUrl);
  const saved = findSaved(desk.unanswered, records);
  const { defaults } = clients[0]![0]!;
  const staff = { url: urls[0]!, key: String(defaults.headers['X-API-Key']) };
  return {
    desk,
    disruptions: done,
    memory,
    quietAfterMs,
    deaths: replicas.flatMap(({ deaths }) => deaths),
    sides: await judgeEnding(world, staff, desk.edits, saved),
    reckoning: await reckon(records, { desk, noise: await noise, insurers: world.insurers }, world.db),
  };
}

function say(line: string): void {
  console.log(`chaos: ${line}`);
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('It takes a number above 0.');
  return number;
}

const program = new Command('chaos')
  .description('Edits on both sides while everything around the bridge fails; then accounts for everything.')
  .option('--minutes <n>', 'how long', positive, 10)
  .option(
    '--seed <n>',
    'what is done; when it happens depends on the machine',
    positive,
    Date.now() % 100_000,
  )
  .action(async (options: Options) => {
    process.exitCode = (await runChaos(options)) ? 0 : 1;
  });
await program.parseAsync();
// Everything has been closed by now; but kafkajs never ends the timer of a connection that died with its broker.
process.exit();
