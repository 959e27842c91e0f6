import axios from 'axios';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { avroType } from '../../src/avro/avro-types.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { readTopic } from '../support/kafka-admin.ts';
import { waitFor } from '../support/wait-for.ts';
import { shownAt } from './actions.ts';
import { setup, type Bed } from './setup.ts';

const TOPIC = 'shared-vehicle.verified';

/** What stands on the shared topic about this entity. Every test of the cluster shares the topic. */
const sharedOf = async (id: string) => (await readTopic(TOPIC)).filter(({ key }) => key === id);

async function decode(value: Buffer): Promise<JsonObject> {
  const { data } = await axios.get(`${inject('registryUrl')}/schemas/ids/${value.readInt32BE(1)}`);
  return avroType(JSON.parse(data.schema)).fromBuffer(value.subarray(5)) as JsonObject;
}

describe('an applied verification', () => {
  let sharing: Bed;
  let silent: Bed;
  beforeAll(async () => {
    [sharing, silent] = await Promise.all([setup({ shareVerifications: true }), setup()]);
  });
  afterAll(() => Promise.all([sharing.close(), silent.close()]));

  const verify = async (bed: Bed) => {
    const [insurer] = bed.insurers;
    const record = await insurer!.platform.create('vehicle', insurer!.sample.vehicle());
    await shownAt(bed, 'vehicles', record.id, `${insurer!.id}:1`);
    return record;
  };

  it('is told to all insurers once: result, plate and dates, and nothing else', async () => {
    const record = await verify(sharing);
    const [sent, ...more] = await waitFor(
      'the shared verification',
      () => sharedOf(record.id),
      (found) => found.length > 0,
    );
    expect(more).toEqual([]);
    const { meta, verification } = await decode(sent!.value!);
    const { plateNormalized, result, verifiedAt, validFrom, validTo, expiresAt } = record.state;
    expect({ ...(verification as JsonObject) }).toEqual({
      plateNormalized,
      result,
      verifiedAt,
      validFrom,
      validTo,
      expiresAt,
    });
    expect(meta).toMatchObject({ origin: 'eassurance', entityId: record.id, revision: { eassurance: 1 } });

    const bytes = sent!.value!.toString('latin1');
    for (const secret of ['vin', 'policyNumber', 'sourceReference', 'make', 'model', 'plateRaw']) {
      expect(record.state[secret]).toEqual(expect.any(String));
      expect(bytes).not.toContain(record.state[secret]);
    }
    expect(bytes, 'whose verification it is').not.toContain(sharing.insurers[0]!.id);
    expect(await sharing.db.query('select 1 from outbox')).toMatchObject({ rowCount: 0 });
  });

  it('of an insurer that has not switched it on is told to nobody', async () => {
    const record = await verify(silent);
    const { rows } = await silent.db.query(
      "select 1 from event join route on route.id = route_id where source = 'share'",
    );
    expect(rows).toEqual([]);
    expect(await sharedOf(record.id)).toEqual([]);
  });
});
