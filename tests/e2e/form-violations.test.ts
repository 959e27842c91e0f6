import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import { countRows, patchConstat, postConstat, recordConstat, shownAt } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

const BOX = { pointer: '/parties/0/circumstances/0', code: 'BOX_OUT_OF_RANGE' };
const VIN = { pointer: '/parties/1/vehicle/vin', code: 'VIN_FORMAT' };

describe('a constat with box 18 ticked and a VIN that is too short', () => {
  let bed: Bed;
  let insurer: Insurer;
  beforeAll(async () => {
    bed = await setup();
    insurer = bed.insurers[0]!;
  });
  afterAll(() => bed.close());

  const broken = (constat: JsonObject): JsonObject => {
    const [a, b] = constat['parties'] as [JsonObject, JsonObject];
    return {
      ...constat,
      parties: [
        { ...a, circumstances: [18], circumstanceCount: 1 },
        { ...b, vehicle: { ...(b['vehicle'] as JsonObject), vin: 'VF1LB1' } },
      ],
    };
  };

  it('is taken from the insurer as it is, and its violations are shown with it', async () => {
    const theirs = await insurer.platform.create('constat', broken(insurer.sample.constat()));
    const ours = await shownAt(bed, 'constats', theirs.id, `${insurer.id}:1`);
    expect(ours.state).toEqual(theirs.state);
    expect(ours.violations).toEqual(
      expect.arrayContaining([expect.objectContaining(BOX), expect.objectContaining(VIN)]),
    );
    const { data } = await bed.staff.get('/v1/constats', { params: { provider: insurer.id } });
    expect(data.data).toEqual([ours]);
  });

  it('does not stop staff from editing another field of it', async () => {
    const theirs = await insurer.platform.create('constat', broken(insurer.sample.constat()));
    const ours = await shownAt(bed, 'constats', theirs.id, `${insurer.id}:1`);
    const { status, data } = await patchConstat(bed, ours.id, ours.revision, { statusReason: 'À corriger' });
    expect(status).toBe(200);
    expect(data.violations).toEqual(ours.violations);
  });

  it('is refused from staff with a pointer to each violation, and nothing is written', async () => {
    const constat = await recordConstat(bed, insurer);
    const before = await countRows(bed);
    const { parties } = broken(constat.state);
    const attempts = [
      await patchConstat(bed, constat.id, constat.revision, { parties: parties! }),
      await postConstat(bed, { ...broken(insurer.sample.constat()), providerId: insurer.id }),
    ];
    for (const { status, headers, data } of attempts) {
      expect(status).toBe(422);
      expect(headers['content-type']).toMatch('application/problem+json');
      expect(data.violations).toEqual([
        expect.objectContaining({ in: 'body', ...BOX }),
        expect.objectContaining({ in: 'body', ...VIN }),
      ]);
    }
    expect(await countRows(bed)).toEqual(before);
    await shownAt(bed, 'constats', constat.id, constat.revision);
  });
});
