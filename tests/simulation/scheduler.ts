/** A process that can die: a hub replica or a provider's platform. Its next life is another actor. */
export interface Actor {
  readonly name: string;
  alive: boolean;
}

/** What every operation of a dead actor ends with: neither transient nor permanent, so that no code of ours handles it. */
export class Crash extends Error {
  constructor(actor: Actor, point: string) {
    super(`${actor.name} died at ${point}`);
    this.name = 'Crash';
  }
}

interface Waiting {
  readonly actor: Actor;
  readonly label: string;
  readonly resolve: () => void;
  readonly reject: (reason: Crash) => void;
}

/** Decides which of the operations that wait goes on: whatever an actor awaits in the outside world is a point at which
 *  any other actor may get ahead, or at which it may die. Nothing runs between two points but what one of them set off. */
export interface Scheduler {
  /** Waits until it is chosen; rejects with Crash when the actor is dead or dies meanwhile. */
  point(actor: Actor, label: string): Promise<void>;
  waiting(): readonly { readonly actor: Actor; readonly label: string }[];
  /** Lets the operation at this index go on, and returns when all that follows from it waits again. */
  release(index: number): Promise<void>;
  /** Kills the actor: every operation of it that waits is rejected, and every later one. */
  kill(actor: Actor): Promise<void>;
  /** Starts a task and returns when it waits. A Crash ends it quietly; what else it throws is kept for `failure`. */
  start(task: () => Promise<void>): Promise<void>;
  /** What a task threw. */
  failure(): Error | null;
}

/** All promise reactions have run: there is no I/O and no timer, so nothing else can happen by itself. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function createScheduler(): Scheduler {
  const waiting: Waiting[] = [];
  let failure: Error | null = null;
  return {
    point(actor, label) {
      if (!actor.alive) return Promise.reject(new Crash(actor, label));
      return new Promise((resolve, reject) => waiting.push({ actor, label, resolve, reject }));
    },
    waiting: () => waiting,
    release(index) {
      waiting.splice(index, 1)[0]!.resolve();
      return settle();
    },
    kill(actor) {
      actor.alive = false;
      for (let i = waiting.length - 1; i >= 0; i--) {
        if (waiting[i]!.actor !== actor) continue;
        const [dead] = waiting.splice(i, 1);
        dead!.reject(new Crash(actor, dead!.label));
      }
      return settle();
    },
    start(task) {
      task().catch((error: unknown) => {
        if (!(error instanceof Crash)) failure ??= error instanceof Error ? error : new Error(String(error));
      });
      return settle();
    },
    failure: () => failure,
  };
}
