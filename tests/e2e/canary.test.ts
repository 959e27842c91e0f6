import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaClient } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { setup, type Bed } from './setup.ts';

let bed: Bed;

beforeAll(async () => {
  bed = await setup({ canaryIntervalSeconds: 1 });
});
afterAll(() => bed.close());

describe('the canary', () => {
  it('goes out and comes back in, is timed, and leaves no trace for staff', async () => {
    const [insurer] = bed.insurers;
    const label = `{provider="${insurer!.id}"}`;
    const read = async (name: string) => {
      const { data } = await bed.staff.get<string>('/metrics');
      const line = data.split('\n').find((one) => one.startsWith(`${name}${label}`));
      return line === undefined ? 0 : Number(line.split(' ').at(-1));
    };
    await waitFor(
      'two heartbeats that came back',
      () => read('bridge_canary_round_trip_seconds_count'),
      (count) => count >= 2,
    );
    const mean =
      (await read('bridge_canary_round_trip_seconds_sum')) /
      (await read('bridge_canary_round_trip_seconds_count'));
    expect(mean).toBeGreaterThan(0);
    expect(mean).toBeLessThan(30);
    expect(Date.now() / 1000 - (await read('bridge_canary_last_return_timestamp_seconds'))).toBeLessThan(30);

    const { rows } = await bed.db.query('select from event union all select from quarantine');
    expect(rows).toEqual([]);
  });

  it("is E-assurance's alone: the insurer may neither write nor read the topic", async () => {
    const [insurer] = bed.insurers;
    const topic = `${insurer!.id}-canary.heartbeat`;
    const kafka = kafkaClient(insurer!.login, { retry: { retries: 0 } });
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      await expect(producer.send({ topic, messages: [{ value: 'x' }] })).rejects.toThrow(/not authorized/i);
    } finally {
      await producer.disconnect();
    }
    const admin = kafka.admin();
    await admin.connect();
    try {
      await expect(admin.fetchTopicOffsets(topic)).rejects.toThrow(/not authorized/i);
    } finally {
      await admin.disconnect();
    }
  });
});
