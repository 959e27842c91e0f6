import { judgePartition } from '../../../../src/domain/lag/judge-partition.ts';
import {
  NO_QUARANTINE,
  unsettledFrom,
  type AppliedPosition,
  type Incident,
  type Obstacle,
  type PartitionSample,
  type QuarantineGrowth,
} from '../../../../src/domain/lag/sample.ts';
import type { LagThresholds } from '../../../../src/domain/lag/thresholds.ts';
import type { Judgement, LagVerdict } from '../../../../src/domain/lag/verdict.ts';

/** A stretch of time in which nothing changes but the counts. What is left out stays as it was. */
export interface Phase {
  readonly seconds: number;
  /** Records per second. */
  readonly arrive?: number;
  readonly settle?: number;
  readonly consumed?: boolean;
  readonly database?: boolean;
  readonly led?: boolean;
  readonly obstacle?: Obstacle['kind'] | null;
  readonly code?: string;
  readonly quarantine?: Partial<QuarantineGrowth>;
  /** At the start of the phase: retention deletes up to here, counted from the end of the log. */
  readonly keepLast?: number;
  /** At the start of the phase: the topic is deleted and created again. */
  readonly recreate?: boolean;
  /** At the start of the phase: somebody sets the applied position back by so many. */
  readonly setBack?: number;
  readonly incident?: Incident['kind'];
  /** What is left at the end of the log are transaction markers. */
  readonly markers?: number;
}

const SAMPLE_EVERY_MS = 10_000;
const KEPT_MS = 5 * 60_000;
export const NAME = { provider: 'saa', topic: 'saa-constat.created', partition: 0 } as const;

/** Plays the phases against a model of one partition, a sample and a judgement every 10 s. Returns every judgement. */
export function play(phases: readonly Phase[], thresholds?: LagThresholds): readonly Judgement[] {
  let nowMs = 1_000_000_000;
  /** Broker timestamps of the data records, by offset; null: a marker. */
  let log: (number | null)[] = [];
  let start = 0;
  let topicId = 'first';
  let next = 0;
  let position: AppliedPosition | null = null;
  let incident: Incident | null = null;
  let debt = { arrive: 0, settle: 0 };
  let state = {
    consumed: true,
    database: true,
    led: true,
    obstacle: null as Obstacle | null,
    quarantine: NO_QUARANTINE,
    arrive: 0,
    settle: Number.POSITIVE_INFINITY,
  };
  let samples: PartitionSample[] = [];
  const judgements: Judgement[] = [];

  const sample = (): PartitionSample => {
    const range = unsettledFrom(position, { topicId, start: BigInt(start), end: BigInt(log.length) });
    const oldest = log.findIndex((atMs, offset) => offset >= Number(range.from) && atMs !== null);
    return {
      atMs: nowMs,
      log: state.led
        ? {
            topicId,
            start: BigInt(start),
            end: BigInt(log.length),
            oldest: oldest < 0 ? null : { offset: BigInt(oldest), atMs: log[oldest]! },
            openTransaction: false,
          }
        : null,
      position,
      consumed: state.consumed,
      database: state.database,
      obstacle: state.obstacle,
      incident,
      quarantine: state.quarantine,
    };
  };

  for (const phase of phases) {
    const { obstacle, code, quarantine, consumed, database, led, arrive, settle } = phase;
    state = {
      consumed: consumed ?? state.consumed,
      database: database ?? state.database,
      led: led ?? state.led,
      arrive: arrive ?? state.arrive,
      settle: settle ?? state.settle,
      quarantine: { ...state.quarantine, ...quarantine },
      obstacle:
        obstacle === undefined
          ? state.obstacle
          : obstacle && { kind: obstacle, code: code ?? 'SOME_CODE', sinceMs: nowMs },
    };
    if (settle !== undefined) debt.settle = 0;
    if (phase.recreate) {
      log = [];
      start = 0;
      next = 0;
      topicId = 'second';
    }
    if (phase.keepLast !== undefined) start = log.length - phase.keepLast;
    if (phase.setBack !== undefined) {
      next -= phase.setBack;
      position = { ...position!, next: BigInt(next) };
    }
    if (phase.incident !== undefined) {
      incident = { kind: phase.incident, from: 3n, to: BigInt(start), atMs: nowMs };
    }
    for (let marker = 0; marker < (phase.markers ?? 0); marker++) log.push(null);

    for (let second = 1; second <= phase.seconds; second++) {
      nowMs += 1_000;
      debt = { arrive: debt.arrive + state.arrive, settle: debt.settle + state.settle };
      for (; debt.arrive >= 1; debt.arrive--) log.push(nowMs);
      const from = Math.max(next, start);
      const data = log.findLastIndex((atMs, offset) => atMs !== null && offset < from + debt.settle) + 1;
      const able = state.consumed && state.database && state.led && state.obstacle === null;
      if (able && data > next && debt.settle >= 1) {
        next = data;
        position = { next: BigInt(next), topicId, movedAtMs: nowMs };
        debt.settle = 0;
      }
      if (!able) debt.settle = 0;
      if (next >= data) debt.settle = Math.min(debt.settle, state.settle);
      if (nowMs % SAMPLE_EVERY_MS !== 0) continue;
      samples = [...samples.filter(({ atMs }) => atMs >= nowMs - KEPT_MS), sample()];
      judgements.push(judgePartition(NAME, samples, nowMs, judgements.at(-1) ?? null, thresholds));
    }
  }
  return judgements;
}

/** Each change of verdict, in order. */
export function changes(judgements: readonly Judgement[]): readonly LagVerdict[] {
  return judgements.map(({ verdict }) => verdict).filter((verdict, i, all) => verdict !== all[i - 1]);
}
