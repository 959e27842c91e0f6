import { setTimeout as delay } from 'node:timers/promises';
import axios, { type AxiosInstance } from 'axios';
import type { JsonObject } from '../../src/domain/json.ts';
import type { Revision } from '../../src/domain/revision.ts';
import type { Platform } from '../../src/simulator/create-platform.ts';
import { PlatformError } from '../../src/simulator/platform-error.ts';
import type { SampleData } from '../../src/simulator/sample-data.ts';
import type { AcknowledgedEdit } from './account.ts';
import { ATOMS, readAtom, signature, SIGNATURES, type Change } from './atoms.ts';

/** What everybody shares: which constats there are, and what was acknowledged. */
export interface Desk {
  readonly constats: { readonly id: string; readonly platform: Platform }[];
  readonly edits: AcknowledgedEdit[];
  /** By reason: answers that say plainly that nothing was saved. */
  readonly refusals: Map<string, number>;
  /** Edits of which nobody can tell from the answer whether they were saved. */
  readonly unanswered: UnansweredEdit[];
}

export interface UnansweredEdit extends Omit<AcknowledgedEdit, 'revision'> {
  /** The revision that its form showed. */
  readonly seen: Revision;
  /** Who asked and what came instead of an answer. */
  readonly said: string;
}

export interface Insurer {
  readonly platform: Platform;
  readonly sample: SampleData;
}

type Random = () => number;

const STAFF = 6;
const AGENTS_PER_INSURER = 3;

/** A refusal of a request that would have changed nothing, or that is asked again. */
export const WITHOUT_ANSWER = 'staff without an answer';
/** Of a hundred turns, so many open a constat, and so many have one signed. */
const OPENS = 3;
const SIGNS = 2;
/** Half of all edits meet on so many of the newest constats: that is where they clash. */
const HOT = 4;

export const openDesk = (): Desk => ({ constats: [], edits: [], refusals: new Map(), unanswered: [] });

/** Everyone's clients of the API, person by person. */
export async function hireStaff(
  join: (name: string) => Promise<readonly AxiosInstance[]>,
): Promise<readonly (readonly AxiosInstance[])[]> {
  const clients: (readonly AxiosInstance[])[] = [];
  for (let i = 1; i <= STAFF; i++) clients.push(await join(`staff${i}`));
  return clients;
}

/** Staff and agents, each until `signal` aborts. */
export function peopleAtWork(
  desk: Desk,
  clients: readonly (readonly AxiosInstance[])[],
  insurers: readonly Insurer[],
  numbers: () => Random,
  signal: AbortSignal,
): readonly Promise<void>[] {
  return [
    ...clients.map((bridges, i) =>
      workAsStaff(desk, { name: `staff${i + 1}`, bridges, insurers }, numbers(), signal),
    ),
    ...insurers.flatMap((insurer, i) =>
      Array.from({ length: AGENTS_PER_INSURER }, (_, j) =>
        workAsAgent(desk, { name: `agent${i + 1}${j + 1}`, insurer }, numbers(), signal),
      ),
    ),
  ];
}

/** A member of staff, at the API of one of the bridges at a time. */
async function workAsStaff(
  desk: Desk,
  who: {
    readonly name: string;
    readonly bridges: readonly AxiosInstance[];
    readonly insurers: readonly Insurer[];
  },
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const pick = (n: number) => Math.floor(random() * n);
  /** Asked for again under the same key until somebody says what became of it. */
  let opening: (() => Promise<void>) | null = null;
  for (let turn = 1; !signal.aborted; turn++) {
    await delay(150 + pick(300), undefined, { signal }).catch(() => {});
    const bridge = who.bridges[pick(who.bridges.length)]!;
    const value = `${who.name}-${turn}.`;
    let asked: Omit<UnansweredEdit, 'said'> | null = null;
    try {
      if (opening === null && (desk.constats.length === 0 || pick(100) < OPENS)) {
        const { platform, sample } = who.insurers[pick(who.insurers.length)]!;
        const body = { ...sample.constat(), providerId: platform.providerId, providerReference: value };
        const headers = { 'Idempotency-Key': value };
        opening = async () => {
          const from = who.bridges[pick(who.bridges.length)]!;
          const { data } = await from.post<Shown>('/v1/constats', body, { headers });
          desk.constats.push({ id: data.id, platform });
        };
      }
      if (opening !== null) {
        await opening();
        opening = null;
        continue;
      }
      const { id } = choose(desk, random);
      const { data: form } = await bridge.get<Shown>(`/v1/constats/${id}`);
      const change = compose(form.state, value, random);
      if (change === null) continue;
      // Every other form stays open for a while, so that others save before it.
      if (pick(2) === 0) await delay(pick(400));
      asked = { by: 'staff', entityId: id, ...change, seen: parse(form.revision) };
      const { data } = await bridge.patch<Shown>(`/v1/constats/${id}`, change.patch, {
        headers: {
          'Base-Revision': `"${form.revision}"`,
          'Content-Type': 'application/merge-patch+json',
        },
      });
      if (data.revision !== form.revision) note(desk, 'staff', id, change, parse(data.revision));
    } catch (error) {
      const why = plainRefusal(error);
      if (why === null) {
        if (asked !== null) desk.unanswered.push({ ...asked, said: `${who.name}: ${String(error)}` });
        else refuse(desk, WITHOUT_ANSWER);
        continue;
      }
      refuse(desk, `staff ${why}`);
      // Nothing was saved and asking again brings nothing else.
      if (typeof why === 'number') opening = null;
    }
  }
}

/** An agent of an insurer, in the insurer's own program. */
async function workAsAgent(
  desk: Desk,
  who: { readonly name: string; readonly insurer: Insurer },
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  const { platform, sample } = who.insurer;
  const pick = (n: number) => Math.floor(random() * n);
  for (let turn = 1; !signal.aborted; turn++) {
    await delay(100 + pick(300), undefined, { signal }).catch(() => {});
    const value = `${who.name}-${turn}.`;
    try {
      if (pick(100) < OPENS) {
        const { id } = await platform.create('constat', sample.constat());
        desk.constats.push({ id, platform });
        continue;
      }
      const own = desk.constats.filter((constat) => constat.platform === platform);
      if (own.length === 0) continue;
      const { id } = choose({ constats: own }, random);
      const form = await platform.find('constat', id);
      if (form === null) continue;
      const change = compose(form.state, value, random);
      if (change === null) continue;
      if (pick(2) === 0) await delay(pick(400));
      const saved =
        change.atom === SIGNATURES
          ? await platform.sign(id, { baseRevision: form.revision })
          : await platform.edit('constat', id, change.patch, { baseRevision: form.revision });
      const said = change.atom === SIGNATURES ? (readAtom(saved.state, SIGNATURES) as string) : change.value;
      note(desk, 'agent', id, { ...change, value: said }, saved.revision);
    } catch (error) {
      if (error instanceof PlatformError) refuse(desk, `agent ${error.code}`);
      else throw error;
    }
  }
}

/** What an insurer's line to Kafka goes through: cut for a while, acknowledgements lost, batches sent in reverse. */
export async function disturb(platform: Platform, random: Random, signal: AbortSignal): Promise<void> {
  const pick = (n: number) => Math.floor(random() * n);
  while (!signal.aborted) {
    await delay(500 + pick(2_000), undefined, { signal }).catch(() => {});
    platform.faults.set([{ holdPublications: true }, { publishTwice: 5 }, { stripHeaders: 5 }][pick(3)]!);
    await delay(200 + pick(2_000), undefined, { signal }).catch(() => {});
    platform.faults.set({ holdPublications: false, ...(pick(2) === 0 ? { reorderBatches: 1 } : {}) });
  }
  platform.faults.clear();
}

/** Why certainly nothing was saved: a status below 500, or nobody there to take the request; null when it can't be told. */
function plainRefusal(error: unknown): number | string | null {
  if (!axios.isAxiosError(error)) throw error;
  const status = error.response?.status;
  if (status !== undefined && status < 500) return status;
  return error.code === 'ECONNREFUSED' ? error.code : null;
}

interface Shown {
  readonly id: string;
  /** `eassurance:3,saa:2` */
  readonly revision: string;
  readonly state: JsonObject;
}

function choose(desk: Pick<Desk, 'constats'>, random: Random): Desk['constats'][number] {
  const from = random() < 0.5 ? desk.constats.slice(-HOT) : desk.constats;
  return from[Math.floor(random() * from.length)]!;
}

let signings = 0;

function compose(state: JsonObject, value: string, random: Random): Change | null {
  const pick = (n: number) => Math.floor(random() * n);
  if (pick(100) < SIGNS && state['status'] === 'SUBMITTED')
    return signature(state, new Date(Date.UTC(2026, 0, 1) + ++signings).toISOString());
  return ATOMS[pick(ATOMS.length)]!.patch(state, value, pick);
}

function note(desk: Desk, by: AcknowledgedEdit['by'], entityId: string, change: Change, revision: Revision) {
  desk.edits.push({ by, entityId, atom: change.atom, value: change.value, revision });
}

function refuse(desk: Desk, why: string): void {
  desk.refusals.set(why, (desk.refusals.get(why) ?? 0) + 1);
}

function parse(revision: string): Revision {
  return Object.fromEntries(
    revision.split(',').map((entry) => {
      const [writer, counter] = entry.split(':');
      return [writer!, Number(counter)];
    }),
  );
}
