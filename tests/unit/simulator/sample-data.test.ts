import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEventCodec } from '../../../src/simulator/event-codec.ts';
import type { JsonObject } from '../../../src/simulator/json.ts';
import { findKind } from '../../../src/simulator/kinds.ts';
import { loadContracts } from '../../../src/simulator/load-contracts.ts';
import { createSampleData } from '../../../src/simulator/sample-data.ts';

const noRegistry = { byId: async () => undefined, idOf: async () => 1 };
const codec = createEventCodec(
  await loadContracts(path.resolve(import.meta.dirname, '../../../schemas')),
  noRegistry,
);
const settings = { seed: 11, providerId: 'saa', today: '2026-01-15' };
const at = '2026-01-15T00:00:00.000Z';
const own = { providerId: 'saa', createdBy: 'saa', createdAt: at, updatedAt: at };

describe('sample data', () => {
  it('is the same for the same seed, and different for another', () => {
    const [a, b, c] = [
      createSampleData(settings),
      createSampleData(settings),
      createSampleData({ ...settings, seed: 12 }),
    ];
    expect([a.constat(), a.policy()]).toEqual([b.constat(), b.policy()]);
    expect(c.constat()).not.toEqual(createSampleData(settings).constat());
  });

  it('fits the contract, for hundreds of draws', () => {
    const sample = createSampleData(settings);
    for (let i = 0; i < 200; i++) {
      for (const name of ['constat', 'vehicle', 'policy', 'claim'] as const) {
        const kind = findKind(name)!;
        const id = { [kind.idField]: '6f0d2c1e-8a3b-4c5d-9e7f-0a1b2c3d4e5f' };
        expect(codec.normalise(kind, { ...sample[name](), ...own, ...id })).toMatchObject(id);
      }
    }
  });

  it('has plates, chassis numbers and phones as they are in Algeria', () => {
    const sample = createSampleData(settings);
    for (let i = 0; i < 100; i++) {
      const { parties, accident } = sample.constat() as unknown as {
        parties: {
          vehicle: JsonObject;
          policyholder: JsonObject;
          circumstances: number[];
          circumstanceCount: number;
        }[];
        accident: JsonObject;
      };
      expect((accident.accidentDate as string) < settings.today).toBe(true);
      for (const { vehicle, policyholder, circumstances, circumstanceCount } of parties) {
        expect(vehicle.plateRaw).toMatch(/^\d{6}-1\d\d-\d\d$/);
        expect(vehicle.plateNormalized).toBe((vehicle.plateRaw as string).replaceAll('-', ''));
        expect(vehicle.vin).toMatch(/^[A-HJ-NPR-Z0-9]{17}$/);
        expect(policyholder.phone).toMatch(/^\+213[567]\d{8}$/);
        expect(policyholder.nin).toMatch(/^\d{18}$/);
        expect(circumstanceCount).toBe(circumstances.length);
      }
    }
  });
});
