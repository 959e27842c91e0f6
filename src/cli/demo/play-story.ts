import { setTimeout as delay } from 'node:timers/promises';
import type { JsonObject } from '../../domain/json.ts';
import { formatRevision, type Revision } from '../../domain/revision.ts';
import { createSampleData } from '../../simulator/sample-data.ts';
import type { AgentClient, BridgeEntity, InsurerRecord } from './http-clients.ts';
import type { Demo } from './start-demo.ts';

const PATIENCE_MS = 30_000;

/** Plays the story once. Each step makes an edit on one side, waits until the other side shows it, and prints where it
 *  travelled and how long it took from the edit's acknowledgement to its being visible. Rejects when a step does not
 *  arrive within 30 s. */
export async function playStory(demo: Demo, signal: AbortSignal): Promise<void> {
  const { staff, agents } = demo;
  const saa = agents.get('saa');
  const trust = agents.get('trust');
  if (!saa || !trust) throw new Error('the story is about saa and trust: topics.yaml must have both');
  const today = new Date().toISOString().slice(0, 10);
  const dataOf = (providerId: string) =>
    createSampleData({ seed: Date.now() % 1_000_000, providerId, today });
  const [saaData, trustData] = [dataOf('saa'), dataOf('trust')];
  const story = { demo, signal, step: 0 };
  say(`\nThe story (${((Date.now() - demo.startedAtMs) / 1000).toFixed(1)} s after the command)`);

  const constat = await toInsurer(story, 'Staff record a constat for SAA', saa, () =>
    staff.create('constats', { ...saaData.constat(), providerId: 'saa' }),
  );
  await toBridge(story, 'An SAA agent has both drivers sign it', saa, () =>
    saa.act(`/constats/${constat.id}/sign`),
  );
  await toBridge(story, 'SAA validates it', saa, () => saa.act(`/constats/${constat.id}/validate`));

  const theirs = await toBridge(story, 'Trust opens a constat on its own platform', trust, () =>
    trust.create('constat', trustData.constat()),
  );
  await toInsurer(story, "Staff add a reference to Trust's constat", trust, () =>
    staff.edit('constats', theirs.id, formatRevision(theirs.revision), { statusReason: 'Dossier complet' }),
  );
  await toBridge(story, 'Trust verifies a vehicle', trust, () =>
    trust.create('vehicle', trustData.vehicle()),
  );
  await toBridge(story, 'Trust updates a policy', trust, () => trust.create('policy', trustData.policy()));
  const claim = await toBridge(story, 'Trust opens a claim for its constat', trust, () =>
    trust.create('claim', trustData.claim({ constatId: theirs.id })),
  );
  await toBridge(story, 'Trust processes the claim', trust, () =>
    trust.act(`/claims/${claim.id}/process`, { patch: { status: 'SETTLED', settledAmount: '182500.00' } }),
  );
  await pulled(story, 'A constat that SAA never published is pulled', saa, saaData.constat());
}

interface Story {
  readonly demo: Demo;
  readonly signal: AbortSignal;
  step: number;
}

/** An edit on E-assurance's side, until the insurer's platform has it. */
async function toInsurer(
  story: Story,
  what: string,
  agent: AgentClient,
  edit: () => Promise<BridgeEntity>,
): Promise<BridgeEntity> {
  story.signal.throwIfAborted();
  const entity = await edit();
  const editedAt = performance.now();
  const record = await agent.waitFor(entity.kind, entity.id, entity.revision);
  tell(story, what, `${entity.provider}'s platform has it`, record, performance.now() - editedAt);
  return entity;
}

/** An edit on an insurer's platform, until E-assurance has it. */
async function toBridge(
  story: Story,
  what: string,
  agent: AgentClient,
  edit: () => Promise<InsurerRecord>,
): Promise<InsurerRecord> {
  const record = await edit();
  const editedAt = performance.now();
  await bridgeHas(story, record.kind, record.id, record.revision);
  const ms = performance.now() - editedAt;
  tell(story, what, 'E-assurance has it', await agent.find(record.kind, record.id), ms);
  return record;
}

async function pulled(story: Story, what: string, agent: AgentClient, state: JsonObject): Promise<void> {
  const record = await agent.create('constat', state, true);
  const askedAt = performance.now();
  await story.demo.staff.refresh('constats', record.id);
  await bridgeHas(story, record.kind, record.id, record.revision);
  tell(story, what, 'E-assurance has it', record, performance.now() - askedAt);
}

async function bridgeHas(
  { demo, signal }: Story,
  kind: string,
  id: string,
  revision: Revision,
): Promise<void> {
  const { collection } = demo.topology.kinds.get(kind)!;
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    signal.throwIfAborted();
    const entity = await demo.staff.find(collection, id);
    if (entity?.revision === formatRevision(revision)) return;
    if (performance.now() > deadline) {
      throw new Error(
        `E-assurance does not show ${kind} ${id} at ${formatRevision(revision)} after ${PATIENCE_MS / 1000} s`,
      );
    }
    await delay(4, undefined, { signal });
  }
}

function tell(story: Story, what: string, then: string, { event }: InsurerRecord, ms: number): void {
  story.step += 1;
  const where =
    event === null ? 'GET API' : `${event.topic} partition ${event.partition} offset ${event.offset}`;
  say(`${String(story.step).padStart(2)}. ${what} → ${then}`);
  say(`    ${where} · visible after ${Math.round(ms)} ms`);
}

function say(line: string): void {
  console.log(line);
}
