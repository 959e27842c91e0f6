import { setTimeout as delay } from 'node:timers/promises';
import { API_FAULTS } from '../../src/simulator/faults.ts';
import type { Random } from '../simulation/random.ts';
import type { Insurer } from '../soak/people.ts';
import type { Replica } from './keep-replicas.ts';
import type { BrittleServices } from './open-services.ts';

/** Something that we did to the world, so that a delay can be explained by it. */
export interface Disruption {
  readonly what: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Disrupting {
  readonly services: BrittleServices;
  readonly replicas: readonly Replica[];
  readonly insurers: readonly Insurer[];
  /** How far each insurer's clock is off, milliseconds; written here. */
  readonly skews: number[];
  readonly done: Disruption[];
}

/** Everything that goes wrong around the bridge, side by side until `signal` aborts; each has put right by then what it
 *  took away. */
export function disrupt(world: Disrupting, numbers: () => Random, signal: AbortSignal): Promise<unknown> {
  const repeat = async (everyMs: () => number, strike: () => Promise<void>) => {
    for (;;) {
      await delay(everyMs(), undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      await strike();
    }
  };
  const during = async (what: string, work: () => Promise<void>) => {
    const fromMs = Date.now();
    await work();
    world.done.push({ what, fromMs, toMs: Date.now() });
  };

  const replicasDie = (random: Random) =>
    repeat(
      () => 5_000 + random.below(5_000),
      async () => {
        const replica = random.pick(world.replicas);
        if (random.chance(0.2)) {
          const ms = 2_000 + random.below(20_000);
          await during(`${replica.name} frozen`, () => replica.pause(ms, signal));
        } else {
          await during(`${replica.name} killed`, async () => replica.kill());
        }
      },
    );
  let crashes = 0;
  const postgresRestarts = (random: Random) =>
    repeat(
      () => 30_000,
      () => {
        const how = crashes++ % 2 === 0 ? 'immediate' : 'fast';
        return during(`PostgreSQL restarted (${how})`, () =>
          world.services.restartPostgres(how, 500 + random.below(3_000)),
        );
      },
    );
  const brokerRestarts = (random: Random) =>
    repeat(
      () => 60_000,
      () => {
        const how = random.chance(0.5) ? 'killed' : 'stopped';
        return during(`Kafka ${how} and restarted`, () =>
          world.services.restartKafka(how, 500 + random.below(3_000)),
        );
      },
    );
  const apisFail = (random: Random) =>
    repeat(
      () => 3_000 + random.below(5_000),
      async () => {
        const { platform } = random.pick(world.insurers);
        platform.faults.set({ api: random.pick(API_FAULTS), apiDelayMs: 3_000 });
      },
    ).finally(() => world.insurers.forEach(({ platform }) => platform.faults.set({ api: 'none' })));
  const clocksDrift = (random: Random) =>
    repeat(
      () => 5_000 + random.below(10_000),
      async () => {
        world.skews[random.below(world.skews.length)] = random.below(600_001) - 300_000;
      },
    );
  return Promise.all(
    [replicasDie, postgresRestarts, brokerRestarts, apisFail, clocksDrift].map((start) => start(numbers())),
  );
}
