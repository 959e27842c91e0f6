import { checkAtRest } from './check-rest.ts';
import { createStepChecker, type StepChecker } from './check-step.ts';
import { chooseChange } from './constat-form.ts';
import { count, type Coverage } from './coverage.ts';
import type { EntitySlot, PlannedEdit } from './people.ts';
import type { Answer } from './platform.ts';
import { createRandom, type Random } from './random.ts';
import { fingerprint, reconcile, redeliverEverything } from './rest.ts';
import { BUDGETS, type Fault, type Tier } from './tiers.ts';
import { takeStep } from './take-step.ts';
import { hold, Violation } from './violation.ts';
import { createWorld, type World } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  readonly edits: number;
  readonly tier: Tier;
  /** Nobody edits before everybody has seen the edit before. */
  readonly oneWriter: boolean;
  /** Edits of the plan that nobody makes, by number. */
  readonly skip: ReadonlySet<number>;
  /** Faults that never strike. */
  readonly without: ReadonlySet<Fault>;
}

export interface Failure {
  readonly invariant: string;
  readonly message: string;
}

export interface RunResult {
  readonly failure: Failure | null;
  readonly trace: readonly string[];
  readonly coverage: Coverage;
  readonly steps: number;
}

/** Everything that one run changes as it goes. */
export interface Run {
  readonly options: RunOptions;
  readonly world: World;
  readonly checker: StepChecker;
  readonly coverage: Coverage;
  readonly random: Random;
  readonly budget: Record<Fault, number>;
  /** What has not been begun, in order. */
  readonly queues: Readonly<Record<'hub' | 'provider', PlannedEdit[]>>;
  /** Tasks under way, by what they work on. */
  readonly running: Set<string>;
  readonly slots: readonly EntitySlot[];
  /** Answers of provider APIs that are on their way. */
  readonly answers: Set<Answer>;
  destroyed: boolean;
}

/** No run of a dozen edits takes this many steps, unless two sides answer each other for ever. */
const MAX_STEPS = 30_000;

/** One history, decided by its seed alone: the same options give the same steps, the same trace and the same verdict. */
export async function runSeed(options: RunOptions): Promise<RunResult> {
  const run = createRun(options);
  const { world, coverage } = run;
  let steps = 0;
  const toRest = async (): Promise<void> => {
    while (await takeStep(run)) {
      if (++steps > MAX_STEPS) throw new Violation('rest', `no rest after ${MAX_STEPS} steps`);
    }
  };
  try {
    await toRest();
    await reconcile(run, toRest);
    checkAtRest(world, run.checker.version);
    if (run.destroyed) {
      // What was destroyed arrives after all, and may still have something to say.
      await redeliverEverything(run, toRest);
      await reconcile(run, toRest);
      checkAtRest(world, run.checker.version);
    }
    const before = fingerprint(run);
    await redeliverEverything(run, toRest);
    hold(
      fingerprint(run) === before,
      'Q4',
      () => 'what was sent before changed something when it came again',
    );
    return { failure: null, trace: world.trace.lines(), coverage, steps };
  } catch (error) {
    const failure =
      error instanceof Violation
        ? { invariant: error.invariant, message: error.message }
        : {
            invariant: 'error',
            message: error instanceof Error ? (error.stack ?? error.message) : String(error),
          };
    return { failure, trace: world.trace.lines(), coverage, steps };
  }
}

function createRun(options: RunOptions): Run {
  const random = createRandom(options.seed, 1);
  const providers = random.chance(0.2) ? 2 : 1;
  const hubOwns = random.chance(0.3);
  const coverage: Coverage = {};
  const world = createWorld({ providers, hubOwns, coverage });
  const slots: EntitySlot[] = world.platforms.map(({ model }) => ({ id: null, provider: model.id }));
  if (random.chance(0.2)) slots.push({ id: null, provider: 'saa' });
  const edits = planEdits(createRandom(options.seed, 2), slots, options.edits).filter(
    (_, i) => !options.skip.has(i + 1),
  );
  const budget = { ...BUDGETS[options.tier] };
  for (const fault of options.without) budget[fault] = 0;
  const running = new Set<string>();
  const checker = createStepChecker(world, {
    hubOwns,
    coverage,
    onOpened: (token, entityId) => {
      edits.find((edit) => edit.token === token)!.slot.id = entityId;
    },
    isArriving: () => world.hub.network.inAir() > 0 || [...running].some((key) => key.startsWith('consume')),
    nameOf: (entityId) =>
      slots.length === 1 ? '' : `${'ABC'[slots.findIndex(({ id }) => id === entityId)] ?? '?'}: `,
    isLossy: () => world.platforms.some(({ restored }) => restored),
    isReusing: () => world.platforms.some(({ reused }) => reused),
  });
  count(coverage, hubOwns ? 'runs with the hub as owner' : 'runs with the provider as owner');
  const queues = {
    hub: edits.filter(({ side }) => side === 'hub'),
    provider: edits.filter(({ side }) => side === 'provider'),
  };
  return {
    options,
    world,
    checker,
    coverage,
    random: createRandom(options.seed, 3),
    budget,
    queues,
    running,
    answers: new Set(),
    slots,
    destroyed: false,
  };
}

/** The first edits open the entities; then both sides edit. */
function planEdits(random: Random, slots: readonly EntitySlot[], edits: number): PlannedEdit[] {
  return Array.from({ length: edits }, (_, i): PlannedEdit => {
    const side = random.chance(0.5) ? 'hub' : 'provider';
    const slot = slots[i] ?? random.pick(slots);
    const token = `${side === 'hub' ? 'h' : 'p'}${i + 1}`;
    return { token, side, slot, change: i < slots.length ? null : chooseChange(random, side), attempts: 0 };
  });
}
