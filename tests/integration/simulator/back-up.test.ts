import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import type { PlatformRecord } from '../../../src/simulator/record.ts';
import { setup } from './setup.ts';
import type { PlatformBed } from './setup.ts';

let bed: PlatformBed;
beforeAll(async () => {
  bed = await setup();
});
afterAll(() => bed?.close());

/** Resolves once the platform's own event has come back to it: nothing of it is then under way any more. */
async function cameBack({ eventId }: PlatformRecord): Promise<void> {
  await waitFor(`${eventId} to come back`, async () =>
    (await bed.platform.events('0', 1_000)).some(
      (entry) => entry.eventId === eventId && entry.direction === 'received',
    ),
  );
}

describe('a platform that restores a backup', () => {
  it('forgets what came after it, and reuses its counters unless it gets a new writer id', async () => {
    const { platform, sample } = bed;
    const { providerId } = platform;
    const { id } = await platform.create('constat', sample.constat());
    const backup = await platform.snapshot();
    await cameBack(await platform.edit('constat', id, { statusReason: 'perdu' }));
    const lost = await platform.create('constat', sample.constat());
    await cameBack(lost);

    await platform.restore(backup);
    expect(await platform.find('constat', lost.id)).toBeNull();
    expect(await platform.find('constat', id)).toMatchObject({ revision: { [providerId]: 1 } });
    const reused = await platform.edit('constat', id, { statusReason: 'autre' });
    expect(reused.revision).toEqual({ [providerId]: 2 });
    await cameBack(reused);

    await platform.restore(backup, { writerId: `${providerId}.2` });
    const edited = await platform.edit('constat', id, { statusReason: 'autre' });
    expect(edited.revision).toEqual({ [providerId]: 1, [`${providerId}.2`]: 1 });
  });

  it('takes from E-assurance again what it lost', async () => {
    const { platform, sample } = bed;
    const record = await platform.create('constat', sample.constat());
    await waitFor('its event is sent', async () => (await platform.position(record))?.at);
    const backup = await platform.snapshot();
    const theirs = {
      eventType: 'constat.updated',
      id: record.id,
      revision: { ...record.revision, eassurance: 1 },
      state: { ...record.state, statusReason: 'vu par le siège' },
    };
    await bed.publishAsHub(theirs);
    const seen = (reason: string) =>
      platform.waitFor('constat', record.id, ({ state }) => state.statusReason === reason, 20_000);
    await seen('vu par le siège');

    await platform.restore(backup);
    expect(await platform.find('constat', record.id)).toMatchObject({ revision: record.revision });
    await bed.publishAsHub(theirs);
    expect((await seen('vu par le siège')).revision).toEqual(theirs.revision);
  });
});
