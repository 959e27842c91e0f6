import { pull } from './platform.ts';
import { readEvent } from './read-event.ts';
import { GRACE_MS } from './hub.ts';
import { startTask } from './take-step.ts';
import { count } from './coverage.ts';
import type { Run } from './run-seed.ts';
import { FAULTS } from './tiers.ts';
import { hold } from './violation.ts';

const MAX_ROUNDS = 3;

/** Reconciliation until a round changes nothing (Q3): at once when nothing was destroyed, after three rounds at most when
 *  something was. */
export async function reconcile(run: Run, toRest: () => Promise<void>): Promise<void> {
  for (const fault of FAULTS) run.budget[fault] = 0;
  for (let round = 0; ; round++) {
    const before = progress(run);
    await pullEverything(run, toRest);
    if (progress(run) === before) {
      count(run.coverage, `at rest after ${round} reconciliations`);
      return;
    }
    hold(run.destroyed, 'Q3', () => 'nothing was lost, and a reconciliation still changed something');
    hold(round < MAX_ROUNDS, 'Q3', () => `still not at rest after ${MAX_ROUNDS} reconciliations`);
  }
}

async function pullEverything(run: Run, toRest: () => Promise<void>): Promise<void> {
  const { world } = run;
  world.advance(2 * GRACE_MS);
  for (const platform of world.platforms) {
    const { model } = platform;
    const ours = [...world.hub.store.tables().entities.values()].filter(
      ({ provider }) => provider === model.id,
    );
    for (const id of new Set([...ours.map((entity) => entity.id), ...model.ids()])) {
      await startTask(run, `reconcile ${id}`, () => pull(run, world.replicas[0]!, platform, id));
      await toRest();
    }
  }
}

/** Everything that was ever sent arrives once more, in another order. */
export async function redeliverEverything(run: Run, toRest: () => Promise<void>): Promise<void> {
  const { network } = run.world.hub;
  for (const message of run.random.shuffle(network.everSent())) {
    const { meta, state } = readEvent(message.value);
    run.world.ghost.revive(run.world.ghost.lineage(meta.entityId, meta.revision, state)!.seen);
    network.append(message);
  }
  await toRest();
}

/** All that lasts, but for what says only how often something arrived. */
export function fingerprint({ world }: Run): string {
  const { entities, events, conflicts, quarantined } = world.hub.store.tables();
  const records = world.platforms.flatMap(({ model }) =>
    model.ids().map((id) => JSON.stringify(model.record(id))),
  );
  return JSON.stringify([
    [...entities.values()].map(({ id, eventId }) => [id, eventId]),
    events.filter(({ outcome }) => outcome === 'applied' || outcome === 'merged').length,
    conflicts,
    quarantined.map(({ code, eventId }) => [code, eventId]),
    records,
  ]);
}

/** As `fingerprint`, with what was published. */
function progress(run: Run): string {
  return `${fingerprint(run)} ${run.world.hub.network.everSent().length}`;
}
