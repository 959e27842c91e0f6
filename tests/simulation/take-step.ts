import { count } from './coverage.ts';
import { editAtHub, editAtProvider, type Attempt, type PlannedEdit } from './people.ts';
import { nextWriterId } from '../../src/domain/next-writer-id.ts';
import { loseUnpublished, publish, pull, receive } from './platform.ts';
import type { Fault } from './tiers.ts';
import type { Run } from './run-seed.ts';
import { topicsOf, type Platform } from './world.ts';

/** What may happen next, and how likely it is. */
type Option = readonly [weight: number, take: () => Promise<void> | void];

const MAX_ATTEMPTS = 3;
/** How many forms one side has open at once. */
const DESKS = 2;

/** Chooses one of all things that may happen next, lets it happen, and holds what was committed by it against the
 *  invariants. False when nothing can happen any more: everything is at rest. */
export async function takeStep(run: Run): Promise<boolean> {
  const options = collectOptions(run);
  if (options.length === 0) return false;
  const [, take] = options[run.random.weighted(options.map(([weight]) => weight))]!;
  await take();
  const failure = run.world.hub.scheduler.failure();
  if (failure !== null) throw failure;
  run.checker.check();
  return true;
}

/** Whether nothing is on its way and nobody is at work. */
function atRest({ world, running }: Run): boolean {
  return (
    running.size === 0 &&
    world.hub.network.inAir() === 0 &&
    world.hub.store.tables().outbox.length === 0 &&
    world.platforms.every(({ model }) => model.outbox().length === 0) &&
    [...world.groups].every(
      ([topic, group]) =>
        world.replicas[world.owners.get(topic)!]!.position(topic, group) ===
        world.hub.network.log(topic).length,
    ) &&
    world.platforms.every(({ positions }) =>
      [...positions].every(([topic, at]) => at === world.hub.network.log(topic).length),
    )
  );
}

function collectOptions(run: Run): Option[] {
  const { world, random, options, budget } = run;
  const { scheduler, network } = world.hub;
  const found: Option[] = [];
  const waiting = scheduler.waiting();
  if (waiting.length > 0)
    found.push([4 * waiting.length, () => scheduler.release(random.below(waiting.length))]);
  if (network.inAir() > 0) {
    found.push([3, () => network.deliver(random, { duplicate: strikes(run, 'duplicate', 0.15) })]);
    if (budget.destroy > 0) found.push([0.25, () => destroy(run)]);
  }
  addHub(run, found);
  for (const platform of world.platforms) addPlatform(run, platform, found);
  if (!options.oneWriter || atRest(run)) addPeople(run, found);
  if (found.length > 0 && budget.crash > 0 && waiting.length > 0) found.push([0.3, () => crash(run)]);
  return found;
}

function strikes({ budget, random }: Run, fault: Fault, probability: number): boolean {
  if (budget[fault] === 0 || !random.chance(probability)) return false;
  budget[fault] -= 1;
  return true;
}

/** Sets a task off under a name by which nobody else starts another. */
export function startTask(run: Run, key: string, work: () => Promise<void>): Promise<void> {
  run.running.add(key);
  return run.world.hub.scheduler.start(async () => {
    try {
      await work();
    } finally {
      run.running.delete(key);
    }
  });
}

function addHub(run: Run, found: Option[]): void {
  const { world, running, random, budget, coverage } = run;
  const { network, store } = world.hub;
  for (const [topic, group] of world.groups) {
    const owner = world.owners.get(topic)!;
    const replica = world.replicas[owner]!;
    const key = `consume ${topic} ${replica.actor.name}`;
    if (network.log(topic).length > replica.position(topic, group) && !running.has(key)) {
      const isStale = () => world.owners.get(topic) !== owner || !replica.actor.alive;
      found.push([
        2,
        () => startTask(run, key, () => replica.consume(topic, group, 1 + random.below(4), isStale)),
      ]);
    }
    if (budget.rebalance > 0 && running.has(key))
      found.push([
        0.2,
        () => {
          budget.rebalance -= 1;
          count(coverage, 'rebalances');
          world.owners.set(topic, 1 - owner);
        },
      ]);
  }
  for (const platform of world.platforms) {
    const { model } = platform;
    const key = `relay ${model.id}`;
    if (!running.has(key) && store.tables().outbox.some(({ shard }) => shard === model.id))
      found.push([
        2,
        () => startTask(run, key, () => random.pick(world.replicas).relay(model.id, 1 + random.below(3))),
      ]);
    const known = model.ids();
    const busy = run.queues.hub.length + run.queues.provider.length > 0;
    if (budget.pull > 0 && known.length > 0 && busy)
      found.push([
        0.2,
        () => {
          budget.pull -= 1;
          count(coverage, 'pulled');
          return startTask(run, `pull ${budget.pull}`, () =>
            pull(run, random.pick(world.replicas), platform, random.pick(known)),
          );
        },
      ]);
  }
  if (budget.prune > 0 && store.tables().events.length > 4)
    found.push([
      0.1,
      () => {
        budget.prune -= 1;
        return startTask(run, `prune ${budget.prune}`, async () => {
          const emptied = await random.pick(world.replicas).prune();
          count(coverage, 'prunings', emptied);
        });
      },
    ]);
}

function addPlatform(run: Run, platform: Platform, found: Option[]): void {
  const { world, running, budget } = run;
  const { model, positions } = platform;
  for (const topic of topicsOf(model.id)) {
    const key = `receive ${topic}`;
    if (!running.has(key) && world.hub.network.log(topic).length > positions.get(topic)!)
      found.push([2, () => startTask(run, key, () => receive(run, platform, topic))]);
  }
  const key = `publish ${model.id}`;
  if (!running.has(key) && model.outbox().length > 0)
    found.push([2, () => startTask(run, key, () => publish(run, platform))]);
  if (budget.restore > 0) {
    if (!model.hasBackup() && model.ids().length > 0) found.push([0.3, () => model.backUp()]);
    else if (model.hasBackup()) found.push([0.15, () => restore(run, platform)]);
  }
}

function restore(run: Run, platform: Platform): Promise<void> {
  run.budget.restore -= 1;
  run.destroyed = true;
  platform.restored = true;
  const reuse = strikes(run, 'reuse', 0.3);
  if (reuse) {
    platform.reused = true;
    // What was destroyed of two edits with one counter is lost for good: nothing tells that there were two.
    run.budget.destroy = 0;
  }
  count(run.coverage, reuse ? 'restored with reused counters' : 'restored with a new writer id');
  const { writerIds } = run.world.hub;
  const { id } = platform.model;
  const allotted = writerIds.get(id)!;
  // The hub allots a new one, unless nobody asks it to.
  if (!reuse) writerIds.set(id, [...allotted, nextWriterId(id, allotted)]);
  const writerId = writerIds.get(id)!.at(-1)!;
  run.world.trace.add(`P is restored from a backup, and writes as ${writerId}`);
  platform.model.restore({ writerId });
  loseUnpublished(run, platform);
  const dead = platform.actor;
  platform.actor = { name: platform.model.id, alive: true };
  return run.world.hub.scheduler.kill(dead);
}

function addPeople(run: Run, found: Option[]): void {
  const { queues, running } = run;
  for (const side of ['hub', 'provider'] as const) {
    const edit = queues[side].find((candidate) => ready(run, candidate));
    const desk = Array.from(
      { length: run.options.oneWriter ? 1 : DESKS },
      (_, i) => `${side} desk ${i + 1}`,
    ).find((each) => !running.has(each));
    if (edit === undefined || desk === undefined || (run.options.oneWriter && running.size > 0)) continue;
    found.push([
      1.5,
      () => {
        queues[side].splice(queues[side].indexOf(edit), 1);
        return startTask(run, desk, () => attempt(run, edit));
      },
    ]);
  }
}

/** Whether the entity can be seen where the edit is to be made. */
function ready({ world }: Run, { side, slot, change }: PlannedEdit): boolean {
  if (change === null) return true;
  if (slot.id === null) return false;
  if (side === 'hub') return world.hub.store.entity('constat', slot.id) !== undefined;
  return world.platforms.find(({ model }) => model.id === slot.provider)!.model.record(slot.id) !== undefined;
}

/** Who was refused, or whose process died before it answered, tries again, unless the edit is there after all. */
async function attempt(run: Run, edit: PlannedEdit): Promise<void> {
  const { world, random, coverage, queues } = run;
  edit.attempts += 1;
  let result: Attempt = 'again';
  try {
    const platform = world.platforms.find(({ model }) => model.id === edit.slot.provider)!;
    const replicas = { open: random.pick(world.replicas), save: random.pick(world.replicas) };
    result = await (edit.side === 'hub'
      ? editAtHub(edit, replicas, world, coverage)
      : editAtProvider(edit, platform, world, coverage));
  } finally {
    const made = world.ghost.made().some(({ token }) => token === edit.token);
    if (result === 'again' && !made && edit.attempts < MAX_ATTEMPTS) queues[edit.side].unshift(edit);
  }
}

function destroy(run: Run): void {
  run.budget.destroy -= 1;
  run.destroyed = true;
  count(run.coverage, 'destroyed');
  run.world.trace.add('a message is destroyed');
  run.world.hub.network.destroy(run.random);
  for (const platform of run.world.platforms) loseUnpublished(run, platform);
}

/** Somebody dies at one of the points where it waits, and starts again at once. */
function crash(run: Run): Promise<void> {
  const { world, random, coverage, budget } = run;
  const mortal = world.hub.scheduler.waiting().filter(({ actor }) => actor.name !== 'person');
  if (mortal.length === 0) return Promise.resolve();
  const { actor, label } = random.pick(mortal);
  budget.crash -= 1;
  count(coverage, `crash at ${label}`);
  world.trace.add(`${actor.name} dies at ${label}`);
  const replica = world.replicas.findIndex((each) => each.actor === actor);
  if (replica >= 0) world.restartReplica(replica);
  const platform = world.platforms.find((each) => each.actor === actor);
  if (platform !== undefined) platform.actor = { name: actor.name, alive: true };
  return world.hub.scheduler.kill(actor);
}
