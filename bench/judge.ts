import path from 'node:path';
import { avroType } from '../src/avro/avro-types.ts';
import { conformRecord } from '../src/avro/conform-value.ts';
import { loadContracts } from '../src/avro/load-contracts.ts';
import { canonicalForm, digestOf, sealOf } from '../src/domain/canonical.ts';
import constat from '../src/domain/constat/kind.ts';
import { HUB, type EntityEvent } from '../src/domain/event.ts';
import type { JsonObject } from '../src/domain/json.ts';
import { judge, type JudgedEntity, type Judgement } from '../src/domain/judge.ts';
import type { EntityKind } from '../src/domain/kind.ts';
import { findBase, hubStatesAbove, mergedRevision, type HistoryEntry } from '../src/domain/merge-base.ts';
import { mergeStates } from '../src/domain/merge-states.ts';
import type { Revision } from '../src/domain/revision.ts';
import { createSampleData } from '../src/simulator/sample-data.ts';
import type { BenchOptions, Report } from './figures.ts';
import { interleaveRounds } from './interleave-rounds.ts';

/** So many different constats in turn, so that no cache of the machine holds the one that comes next. */
const CONSTATS = 1_000;
const ROUNDS = 7;
const ROUND_MS = 1_000;

const contracts = loadContracts([path.resolve(import.meta.dirname, '../schemas')]);
const contract = contracts.event('ConstatUpdated');
const type = avroType(contract.schema);
const kind: EntityKind = { ...constat, shape: contracts.shapeOf('ConstatUpdated', 'constat') };

/** One constat as both sides have it: the insurer corrected the place and a driver's remarks, staff the damage and, at
 *  the same time, the place. */
interface Case {
  readonly stored: JudgedEntity;
  readonly base: JsonObject;
  readonly ours: JsonObject;
  readonly history: readonly HistoryEntry[];
  readonly newer: EntityEvent;
  readonly concurrent: EntityEvent;
}

/** How many events a second the rules alone can settle on one core, digest and seal included: what reading and writing
 *  cost comes on top. The events stand decoded, as they are when they are judged. */
export async function benchJudge({ signal }: BenchOptions): Promise<Report> {
  const cases = makeCases();
  const figures = await interleaveRounds(
    [
      { name: 'newer, applied', goal: 100_000, once: () => settleAll(cases, judgeNewer) },
      { name: 'concurrent, merged', goal: 20_000, once: () => settleAll(cases, mergeConcurrent) },
    ],
    { rounds: ROUNDS, roundMs: ROUND_MS, signal },
  );
  const rounds = `${ROUNDS} interleaved rounds of ${ROUND_MS / 1_000} s of CPU time each`;
  return { title: `Judging a constat of ${describeSize(cases)}, ${rounds}`, figures };
}

/** On the topic, and as the text that its digest is taken of; the mean of all. */
function describeSize(cases: readonly Case[]): string {
  const mean = (sizeOf: (one: Case) => number) =>
    (cases.reduce((sum, one) => sum + sizeOf(one), 0) / cases.length / 1_000).toFixed(1);
  const avro = mean(({ newer }) => encode(newer).length);
  const canonical = mean(({ newer }) => Buffer.byteLength(canonicalForm(newer.state, kind.shape)));
  return `${avro} kB in Avro, ${canonical} kB in canonical form`;
}

function settleAll(cases: readonly Case[], settle: (one: Case) => void): number {
  for (const one of cases) settle(one);
  return cases.length;
}

function judgeNewer({ stored, newer }: Case): void {
  const digest = digestOf(newer.state, kind.shape);
  expectOutcome(judgeOne(newer, digest, stored), 'applied');
}

/** What is computed of a merge: all but the encoding of the result. */
function mergeConcurrent({ stored, base, ours, history, concurrent }: Case): void {
  const digest = digestOf(concurrent.state, kind.shape);
  expectOutcome(judgeOne(concurrent, digest, stored), 'merged');
  const found = findBase(history, stored.revision, concurrent.meta.revision);
  const merged = mergeStates({
    kind,
    base,
    baseMissing: found.kind === 'missing',
    ours,
    hubStates: hubStatesAbove(history, found).map(() => ours),
    theirs: concurrent.state,
    owner: () => 'provider',
    provider: 'saa',
    createdBy: HUB,
  });
  mergedRevision(stored.revision, concurrent.meta.revision);
  sealOf(kind, merged.state, stored);
  digestOf(merged.state, kind.shape);
  if (merged.conflicts.length !== 1) throw new Error('the bench merges something else than it says');
}

function judgeOne(event: EntityEvent, digest: string, stored: JudgedEntity): Judgement {
  return judge({
    kind,
    event,
    digest,
    seal: sealOf(kind, event.state, stored),
    source: 'topic',
    topicProvider: 'saa',
    writers: [HUB, 'saa'],
    allottedWriterIds: ['saa'],
    stored,
    known: null,
    history: null,
    issued: stored.revision[HUB] ?? 0,
  });
}

function expectOutcome({ outcome }: Judgement, wanted: Judgement['outcome']): void {
  if (outcome !== wanted) throw new Error(`the bench judges ${outcome} and not ${wanted}`);
}

function makeCases(): readonly Case[] {
  const sample = createSampleData({ seed: 1, providerId: 'saa', today: '2026-05-10' });
  return Array.from({ length: CONSTATS }, (_, i) => {
    const constatId = `0197f3a0-1111-7abc-8def-${String(i).padStart(12, '0')}`;
    const at = { createdAt: '2026-05-04T09:00:00.000Z', updatedAt: '2026-05-04T09:00:00.000Z' };
    const opened: JsonObject = { ...sample.constat(), constatId, providerId: 'saa', createdBy: HUB, ...at };
    const base = decoded(opened);
    const ours = decoded(edited(opened, 'Rue Didouche Mourad', { visibleDamage: 'Aile gauche' }));
    const theirs = edited(opened, 'RN 5, Rouïba', { remarks: 'Chaussée mouillée.' });
    const digest = digestOf(ours, kind.shape);
    const entry = (counter: number, state: JsonObject): HistoryEntry => ({
      eventId: `${constatId}/${counter}`,
      revision: { [HUB]: counter },
      byHub: true,
      accepted: true,
      edit: true,
      pruned: false,
      digest: digestOf(state, kind.shape),
    });
    return {
      stored: {
        ...{ provider: 'saa', revision: { [HUB]: 2 }, digest, erased: false },
        ...{ status: kind.status(ours), seal: null, createdBy: HUB },
      },
      base,
      ours,
      history: [entry(1, base), entry(2, ours)],
      newer: eventOf(decoded(theirs), { [HUB]: 2, saa: 1 }),
      concurrent: eventOf(decoded(theirs), { [HUB]: 1, saa: 1 }),
    };
  });
}

function edited(state: JsonObject, place: string, ofA: JsonObject): JsonObject {
  const [a, b] = state['parties'] as readonly JsonObject[];
  return {
    ...state,
    accident: { ...(state['accident'] as JsonObject), place },
    parties: [{ ...a!, ...ofA }, b!],
  };
}

/** As it comes off a topic: with every field of the contract, and nothing in it shared with another state. */
function decoded(state: JsonObject): JsonObject {
  const event = type.fromBuffer(encode(eventOf(state, { saa: 1 }))) as { readonly constat: JsonObject };
  return event.constat;
}

function encode({ state, ...event }: EntityEvent): Buffer {
  return type.toBuffer({ ...event, constat: conformRecord(contract.state, state, contracts.book) });
}

function eventOf(state: JsonObject, revision: Revision): EntityEvent {
  const entityId = state['constatId'] as string;
  return {
    meta: {
      ...{ eventId: entityId, eventType: 'constat.updated', providerId: 'saa', origin: 'saa', revision },
      ...{ entityType: 'constat', entityId, occurredAt: '2026-05-04T10:00:00.000Z', correlationId: null },
      ...{ causationId: null, actor: 'USER', replay: false },
    },
    state,
    changedFields: [],
    changeReason: null,
  };
}
