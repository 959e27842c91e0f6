import { judgeOutbox, type OutboxSample } from '../domain/lag/judge-outbox.ts';
import { judgePartition } from '../domain/lag/judge-partition.ts';
import { judgeReading, judgeRhythm } from '../domain/lag/judge-provider.ts';
import type { LagReport, ProviderFigures } from '../domain/lag/report.ts';
import { rollUpTopic, worstFirst, type JudgedPartition, type LagRow } from '../domain/lag/roll-up.ts';
import type { PartitionSample } from '../domain/lag/sample.ts';
import type { LagThresholds } from '../domain/lag/thresholds.ts';
import type { Judgement } from '../domain/lag/verdict.ts';
import type { ProviderApi } from '../ports.ts';
import type { LagDeps, LagSnapshot } from './lag-deps.ts';
import { rhythmOf } from './rhythm-of.ts';

export interface LagBoardDeps extends Pick<LagDeps, 'topology' | 'notes'> {
  readonly thresholds: LagThresholds;
  /** Null for a provider whose GET API has no address here. */
  readonly apiOf: (provider: string) => ReturnType<ProviderApi['status']> | null;
}

export interface LagBoard {
  /** Judges the snapshot against those before it. Snapshots come in the order of their times. */
  judge(snapshot: LagSnapshot): LagReport;
}

/** Samples are kept for so long: what rates and thresholds look back on. */
const KEPT_MS = 5 * 60_000;

/** The last samples of everything that is judged, and what was said of it last. */
export function createLagBoard(deps: LagBoardDeps): LagBoard {
  const partitions = new Map<string, PartitionSample[]>();
  const shards = new Map<string, OutboxSample[]>();
  const said = new Map<string, Judgement>();
  const judgeAs = (key: string, judge: (previous: Judgement | null) => Judgement): Judgement => {
    const judgement = judge(said.get(key) ?? null);
    said.set(key, judgement);
    return judgement;
  };

  const judgeTopics = ({ partitions: each, atMs }: LagSnapshot): readonly LagRow[] => {
    const judged = each.map(({ provider, topic, partition, sample }) => {
      const place = `${topic}/${partition}`;
      const samples = keep(partitions, place, sample);
      const name = { provider, topic, partition };
      const judgement = judgeAs(`in ${place}`, (previous) =>
        judgePartition(name, samples, atMs, previous, deps.thresholds),
      );
      return { provider, topic, partition, judgement };
    });
    return [...Map.groupBy(judged, ({ topic }) => topic)].flatMap(([topic, group]) =>
      rollUpTopic(group[0]!.provider, topic, group satisfies readonly JudgedPartition[]),
    );
  };

  const judgeOutboxes = ({ outbox, atMs }: LagSnapshot): readonly LagRow[] =>
    [...outbox].map(([shard, sample]) => {
      const samples = keep(shards, shard, sample);
      const judgement = judgeAs(`out ${shard}`, (previous) =>
        judgeOutbox(shard, samples, atMs, previous, deps.thresholds),
      );
      return { ...judgement, direction: 'out', provider: shard, topic: null, partitions: null };
    });

  const judgeReaders = ({ unread, atMs }: LagSnapshot): readonly LagRow[] =>
    [...unread].map(([topic, sample]) => {
      const provider = deps.topology.routes.get(topic)!.providerId;
      const judgement = judgeAs(`read ${topic}`, (previous) =>
        judgeReading(provider, topic, sample, atMs, previous, deps.thresholds),
      );
      return { ...judgement, direction: 'read', provider, topic, partitions: null };
    });

  /** Silence is the provider's only when nothing of it waits for us. */
  const judgeSilence = ({ ledger, atMs }: LagSnapshot, inbound: readonly LagRow[]): readonly LagRow[] =>
    [...deps.topology.providers.keys()].flatMap((provider) => {
      const idle = inbound.every(
        (row) => row.provider !== provider || (row.messages === 0 && row.verdict !== 'STOPPED'),
      );
      const rhythm = ledger === null ? null : rhythmOf(provider, ledger, deps.topology);
      const key = `silence ${provider}`;
      const judgement = judgeRhythm(provider, rhythm, atMs, said.get(key) ?? null, deps.thresholds);
      if (!idle || judgement === null) return [];
      said.set(key, judgement);
      return [{ ...judgement, direction: 'silence', provider, topic: null, partitions: null }];
    });

  return {
    judge(snapshot) {
      const inbound = judgeTopics(snapshot);
      const rows = [
        ...inbound,
        ...judgeOutboxes(snapshot),
        ...judgeReaders(snapshot),
        ...judgeSilence(snapshot, inbound),
      ];
      return {
        atMs: snapshot.atMs,
        database: snapshot.database,
        kafka: snapshot.kafka,
        rows: rows.toSorted(worstFirst),
        providers: [...deps.topology.providers.keys()].map((provider) => figuresOf(provider, snapshot, deps)),
      };
    },
  };
}

function keep<S extends { readonly atMs: number }>(rings: Map<string, S[]>, key: string, sample: S): S[] {
  const ring = rings.get(key) ?? [];
  rings.set(key, ring);
  ring.push(sample);
  while (ring[0]!.atMs < sample.atMs - KEPT_MS) ring.shift();
  return ring;
}

function figuresOf(
  provider: string,
  { ledger, outbox, atMs }: LagSnapshot,
  { notes, apiOf, topology }: LagBoardDeps,
): ProviderFigures {
  const age = (ms: number) => Math.max(0, atMs - ms) / 1000;
  const theirs = (row: { readonly provider: string }) => row.provider === provider;
  const api = apiOf(provider);
  const skewMs = notes.clockSkewMs(provider);
  const rhythm = ledger === null ? null : rhythmOf(provider, ledger, topology);
  const { waiting = 0, parked = 0, oldest = null } = outbox.get(provider) ?? {};
  const codes = Map.groupBy((ledger?.quarantine ?? []).filter(theirs), ({ code }) => code);
  return {
    provider,
    circuit: api?.circuit ?? null,
    apiRefusesUs: api?.lastError === 'PROVIDER_UNAUTHORISED',
    clockSkewSeconds: skewMs === null ? null : skewMs / 1000,
    lastArrivalMs: rhythm?.lastArrivalMs ?? null,
    usualPauseSeconds: rhythm === null || rhythm.pauses === 0 ? null : rhythm.usualMs / 1000,
    quarantine: [...codes].map(([code, group]) => ({
      code,
      open: group.reduce((sum, row) => sum + row.open, 0),
      oldestSeconds: Math.max(0, ...group.map(({ oldestMs }) => (oldestMs === null ? 0 : age(oldestMs)))),
    })),
    conflicts: (ledger?.conflicts ?? [])
      .filter(theirs)
      .map(({ severity, open, oldestMs }) => ({ severity, open, oldestSeconds: age(oldestMs) })),
    outbox: { waiting, parked, oldestSeconds: oldest === null ? 0 : age(oldest.atMs) },
    constats: ledger?.constats.find(theirs) ?? { undeclared: 0, withoutReport: 0 },
    cursors: (ledger?.cursors ?? [])
      .filter(theirs)
      .map(({ collection, movedAtMs }) => ({ collection, ageSeconds: age(movedAtMs) })),
  };
}
