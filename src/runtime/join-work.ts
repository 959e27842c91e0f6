/** Instead of a result: nothing has been done with this one, which is to be settled by itself. */
export const ALONE = Symbol('alone');

export interface JoinOptions<Item, Result> {
  /** How many calls of `settle` run at the same time. */
  readonly lanes: number;
  /** What one call may weigh; an item that weighs more is settled alone. */
  readonly maxWeight: number;
  readonly weigh: (item: Item) => number;
  /** Whether an item may be settled by the same call as these. All may, when left out. */
  readonly fits?: (item: Item, joined: readonly Item[]) => boolean;
  /** Whether what fails together would fail alone, too: then all are told at once. None would, when left out. */
  readonly isShared?: (error: unknown) => boolean;
  /** The results in the order of `items`. When it rejects, nothing has been done with any of them. */
  readonly settle: (items: readonly Item[]) => Promise<readonly (Result | typeof ALONE)[]>;
}

/** Group commit: what arrives while all lanes are taken is settled together by the lane that becomes free first; what finds
 *  a lane free begins at once and waits for nobody. What fails together is tried again one by one, on all
 *  lanes that are free, so that an item fails for its own reasons alone and one that hangs holds a lane and nobody else. */
export function joinWork<Item, Result>(options: JoinOptions<Item, Result>): (item: Item) => Promise<Result> {
  const { lanes, settle, isShared = () => false } = options;
  const waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  let gathering = false;

  const run = async (): Promise<void> => {
    running += 1;
    gathering = true;
    await untilQuiet(waiting);
    gathering = false;
    while (waiting.length > 0) {
      const taken = takeJoined(waiting, options);
      try {
        const results = await settle(taken.map(({ item }) => item));
        taken.forEach(({ done }, i) => results[i] !== ALONE && done.resolve(results[i]!));
        putBack(taken.filter((_, i) => results[i] === ALONE));
      } catch (error) {
        if (taken.length === 1 || isShared(error)) taken.forEach(({ done }) => done.reject(error));
        else putBack(taken);
      }
    }
    running -= 1;
  };

  /** Each is settled by itself, before what waits. */
  const putBack = (taken: readonly Waiting<Item, Result>[]) => {
    if (taken.length === 0) return;
    waiting.unshift(...taken.map((one) => ({ ...one, alone: true })));
    wake();
  };
  const wake = () => {
    if (running < lanes && !gathering) void run();
  };

  return (item) => {
    const done = Promise.withResolvers<Result>();
    waiting.push({ item, done, alone: false });
    wake();
    return done.promise;
  };
}

/** Those that were woken by one event of the outside world (a fetch, a read from a socket) come within a few turns of the
 *  promise queue of each other, and begin together. */
async function untilQuiet(waiting: readonly unknown[]): Promise<void> {
  for (let seen = waiting.length, turns = 0; turns < QUIET_TURNS; turns++) {
    await Promise.resolve();
    if (waiting.length === seen) continue;
    seen = waiting.length;
    turns = 0;
  }
}

const QUIET_TURNS = 32;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly done: PromiseWithResolvers<Result>;
  /** It could not be settled together with others. */
  readonly alone: boolean;
}

/** Takes the first, and behind it all that fit to it, in their order. */
function takeJoined<Item, Result>(
  waiting: Waiting<Item, Result>[],
  { maxWeight, weigh, fits = () => true }: JoinOptions<Item, Result>,
): readonly Waiting<Item, Result>[] {
  const taken = waiting.splice(0, 1);
  if (taken[0]!.alone) return taken;
  const items = taken.map(({ item }) => item);
  let weight = weigh(items[0]!);
  for (let i = 0; i < waiting.length && weight < maxWeight;) {
    const { item, alone } = waiting[i]!;
    if (alone || weight + weigh(item) > maxWeight || !fits(item, items)) {
      i += 1;
      continue;
    }
    weight += weigh(item);
    items.push(item);
    taken.push(...waiting.splice(i, 1));
  }
  return taken;
}
