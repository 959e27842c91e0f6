import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';
import { settledTo, shownAt } from './actions.ts';
import { composeEvent, openedConstat } from './compose-event.ts';
import { composeOlderEvent } from './older-contract.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

/** The bridge reaches the registry over a network that fails; everybody else reaches it as ever. */
let bed: Bed;
let insurer: Insurer;
let network: TcpProxy;
beforeAll(async () => {
  const url = new URL(inject('registryUrl'));
  network = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${network.port}`;
  bed = await setup({ bridgeEnv: async () => ({ SCHEMA_REGISTRY_URL: url.href }) });
  insurer = bed.insurers[0]!;
});
afterAll(async () => {
  await bed.close();
  await network.close();
});

describe('while the registry is', () => {
  it.each([
    ['refusing connections', 'Accident', 'policeReport', () => network.refuse()],
    ['silent', 'Party', 'remarks', async () => network.stall()],
  ])(
    '%s, known schemas go on, and an unknown one waits and is not quarantined',
    async (_, record, field, fail) => {
      const topics = { created: `${insurer.id}-constat.created`, updated: `${insurer.id}-constat.updated` };
      const by = { providerId: insurer.id };
      const state = openedConstat(insurer);
      const known = async (): Promise<string> => {
        const event = await composeEvent(topics.created, openedConstat(insurer), {
          ...by,
          revision: { [insurer.id]: 1 },
        });
        await settledTo(bed, await bed.publish(event));
        return event.key;
      };
      const first = await composeEvent(topics.created, state, { ...by, revision: { [insurer.id]: 1 } });
      await settledTo(bed, await bed.publish(first));

      await fail();
      const change: JsonObject = { ...state, statusReason: 'Second passage' };
      const revision = { [insurer.id]: 2 };
      const unknown = await composeOlderEvent(topics.updated, { [record]: field }, change, {
        ...by,
        revision,
      });
      const position = await bed.publish(unknown);
      await shownAt(bed, 'constats', await known(), `${insurer.id}:1`);
      expect((await bed.db.query('select from event where event_id = $1', [unknown.eventId])).rowCount).toBe(
        0,
      );

      const mendedAt = Date.now();
      await network.restore();
      await settledTo(bed, position);
      expect(Date.now() - mendedAt).toBeLessThan(7_000);
      expect((await bed.db.query('select from event where event_id = $1', [unknown.eventId])).rowCount).toBe(
        1,
      );
      expect((await bed.db.query('select from quarantine')).rowCount).toBe(0);
      await waitFor('it is ready', async () => (await bed.staff.get('/health/ready')).status === 200);
    },
  );
});
