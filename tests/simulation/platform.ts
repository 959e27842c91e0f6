import { count } from './coverage.ts';
import { includes, type EditSet } from './ghost.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import type { HubReplica } from './hub.ts';
import type { Content, Counters } from './provider-model.ts';
import { dominates } from './provider-model.ts';
import type { Run } from './run-seed.ts';
import { readEvent } from './read-event.ts';
import { pair } from './trace.ts';
import { hold } from './violation.ts';
import type { Platform } from './world.ts';

/** What a provider's API has answered, on its way to the hub. */
export interface Answer {
  readonly id: string;
  readonly revision: Counters;
  readonly state: Content;
}

/** The provider's process takes the next event of a topic; it notes where it reads on only after its database has it. */
export async function receive(run: Run, platform: Platform, topic: string): Promise<void> {
  const { world, coverage } = run;
  const { model, positions, actor } = platform;
  const { scheduler, network } = world.hub;
  const at = positions.get(topic)!;
  const { value } = network.log(topic)[at]!;
  await scheduler.point(actor, 'provider.receive');
  const { meta, state } = readEvent(value);
  const held = model.record(meta.entityId);
  const outcome = model.receive(value);
  count(coverage, `provider: ${outcome}`);
  if (outcome === 'applied') {
    world.trace.add(`P gets ${pair(meta.revision)}`);
    const incoming = world.ghost.lineage(meta.entityId, meta.revision, state);
    hold(
      incoming !== undefined,
      'ghost',
      () => `the provider got a state that nobody wrote: ${pair(meta.revision)}`,
    );
    if (held !== undefined) {
      hold(
        dominates(meta.revision, held.revision),
        'I2',
        () => `the provider went from ${pair(held.revision)} to ${pair(meta.revision)}`,
      );
      const seen = world.ghost.lineage(meta.entityId, held.revision, held.state)!.seen;
      const forgiven = platform.reused;
      hold(
        forgiven || includes(incoming.seen, seen),
        'I1',
        () =>
          `the provider applied ${pair(meta.revision)} over ${pair(held.revision)}, which it had not seen all of`,
      );
    }
  }
  await scheduler.point(actor, 'provider.committed');
  positions.set(topic, Math.max(positions.get(topic)!, at + 1));
}

/** Sends the oldest publication that waits; a process that dies behind it sends it again. */
export async function publish(run: Run, platform: Platform): Promise<void> {
  const { world } = run;
  const { model, actor } = platform;
  const message = model.outbox()[0]!;
  await world.hub.scheduler.point(actor, 'provider.send');
  world.hub.network.send(message);
  await world.hub.scheduler.point(actor, 'provider.sent');
  model.sent(message);
}

/** Edits that were nowhere but in the database that was set back. */
export function loseUnpublished(run: Run, { model, restored }: Platform): void {
  if (!restored) return;
  const { ghost, hub } = run.world;
  let kept: EditSet = 0n;
  const keep = (id: string, revision: Counters, state: Content): void => {
    kept |= ghost.lineage(id, revision, state)?.seen ?? 0n;
  };
  for (const { value } of [...hub.network.everArriving(), ...model.outbox()]) {
    const { meta, state } = readEvent(value);
    keep(meta.entityId, meta.revision, state);
  }
  for (const { id, revision, state } of run.answers) keep(id, revision, state);
  for (const id of model.ids()) keep(id, model.record(id)!.revision, model.record(id)!.state);
  for (const { entityId, revision, bytes } of hub.store.tables().events)
    if (bytes.length > 0) keep(entityId, revision, readEvent(bytes).state);
  const lost = ghost.made().filter((edit) => edit.author === model.id && !includes(kept, edit.bit));
  count(run.coverage, 'edits lost with a database', lost.length);
  ghost.lose(lost);
}

/** A replica pulls one entity: what the provider's API answers is what it held when it was asked, however late it is
 *  judged. */
export async function pull(run: Run, replica: HubReplica, platform: Platform, id: string): Promise<void> {
  const { model } = platform;
  let answer: Answer | null = null;
  try {
    await replica.pull(
      {
        providerId: model.id,
        async fetchOne() {
          const record = model.record(id);
          if (record === undefined) return { status: 'missing' };
          run.answers.add((answer = { id, ...record }));
          const { revision, state } = record;
          return { status: 'found', record: { revision, state: state as JsonObject }, etag: null };
        },
      },
      id,
    );
  } finally {
    if (answer !== null && run.answers.delete(answer)) loseUnpublished(run, platform);
  }
}
