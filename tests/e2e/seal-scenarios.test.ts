import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealOf } from '../../src/domain/canonical.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { frontOf } from '../../src/simulator/constat-workflow.ts';
import { findKind } from '../../src/simulator/kinds.ts';
import { loadContracts } from '../../src/simulator/load-contracts.ts';
import type { ShownEntity } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { apart, conflictsOf, expectLevel, sharedConstat, staffEdit, type Level } from './sides.ts';

/** Scenarios of the sync protocol about signatures and the status. Start: (1,0) on both sides, SUBMITTED. */
let bed: Bed;
let insurer: Insurer;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
});
afterAll(() => bed.close());

const place = (text: string): JsonObject => ({ accident: { place: text } });
const placeOf = (state: JsonObject) => (state['accident'] as JsonObject)['place'];

/** Both drivers sign in E-assurance's own program. */
const signed = (constat: ShownEntity): JsonObject => ({
  status: 'SIGNED',
  parties: (constat.state['parties'] as JsonObject[]).map((party) => ({
    ...party,
    signature: { status: 'SIGNED', signedAt: '2026-01-15T10:00:00.000Z', attachmentId: null },
  })),
});

/** The state carries a hash, the one that its front has, whichever side computes it. */
async function expectSealed({ state, seal }: Level): Promise<void> {
  const contracts = await loadContracts(path.resolve(import.meta.dirname, '../../schemas'));
  const hash = state['sealedContentHash'];
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(sealOf(bed.topology.kinds.get('constat')!, state)).toBe(hash);
  expect(frontOf(state, findKind('constat')!, contracts)).toBe(hash);
  expect(seal).toBe(hash);
}

it('Sealing here while the provider edits the front keeps the sealed front', async () => {
  const constat = await sharedConstat(bed, insurer);
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, place('Ailleurs'));
    await staffEdit(bed, constat, signed(constat));
  });
  const level = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
  await expectSealed(level);
  expect([level.state['status'], placeOf(level.state)]).toEqual(['SIGNED', placeOf(constat.state)]);
  expect(await conflictsOf(bed, constat.id)).toMatchObject([
    {
      atom: 'front',
      code: 'FRONT_SEALED',
      severity: 'critical',
      stands: 'ours',
      status: 'open',
      theirs: { 'accident/place': 'Ailleurs' },
    },
  ]);
});

it('A provider that alters a sealed front gets the seal back', async () => {
  const constat = await sharedConstat(bed, insurer);
  await insurer.platform.sign(constat.id);
  const sealed = await expectLevel(bed, insurer, constat.id, { hub: 1, provider: 1 });
  insurer.platform.faults.set({ tamperSealedFront: 1 });
  await insurer.platform.edit('constat', constat.id, place('Un autre lieu'));

  const level = await expectLevel(bed, insurer, constat.id, { hub: 2, provider: 2 });
  await expectSealed(level);
  expect(level.seal).toBe(sealed.seal);
  expect(placeOf(level.state)).toBe(placeOf(constat.state));
  expect(await conflictsOf(bed, constat.id)).toMatchObject([
    { atom: 'front', severity: 'critical', stands: 'ours', theirs: { 'accident/place': 'Un autre lieu' } },
  ]);
});

it('Two different sealings end with one front on both sides, and later unrelated edits flow', async () => {
  const constat = await sharedConstat(bed, insurer);
  await apart(insurer, async () => {
    await insurer.platform.edit('constat', constat.id, place('Rue Larbi Ben M’hidi'));
    await insurer.platform.sign(constat.id);
    await staffEdit(bed, constat, signed(constat));
  });
  const level = await expectLevel(bed, insurer, constat.id, { hub: 4, provider: 2 });
  await expectSealed(level);
  expect([level.state['status'], placeOf(level.state)]).toEqual(['SIGNED', 'Rue Larbi Ben M’hidi']);
  const conflicts = await conflictsOf(bed, constat.id);
  expect(conflicts).toMatchObject([
    {
      atom: 'front',
      code: 'SEALED_TWICE',
      severity: 'critical',
      stands: 'theirs',
      status: 'open',
      joined: 1,
    },
  ]);

  await staffEdit(
    bed,
    constat,
    { claimId: '0197f3a0-9999-4abc-8def-000000000001' },
    `eassurance:4,${insurer.id}:2`,
  );
  await expectLevel(bed, insurer, constat.id, { hub: 5, provider: 2 });
  await insurer.platform.edit('constat', constat.id, { providerReference: 'S-17' });
  const after = await expectLevel(bed, insurer, constat.id, { hub: 5, provider: 3 });
  await expectSealed(after);
  expect(after.seal).toBe(level.seal);
  expect(after.state).toMatchObject({
    claimId: '0197f3a0-9999-4abc-8def-000000000001',
    providerReference: 'S-17',
  });
  expect(await conflictsOf(bed, constat.id)).toEqual(conflicts);
});

describe('Cancellation is never undone by a concurrent signature', () => {
  it('whoever cancels: E-assurance', async () => {
    const constat = await sharedConstat(bed, insurer);
    await apart(insurer, async () => {
      await insurer.platform.sign(constat.id);
      await staffEdit(bed, constat, { status: 'CANCELLED', statusReason: 'Déclaré deux fois' });
    });
    const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
    expect(state).toMatchObject({ status: 'CANCELLED', statusReason: 'Déclaré deux fois' });
    expect(await conflictsOf(bed, constat.id)).toEqual([]);
  });

  it('whoever cancels: the provider', async () => {
    const constat = await sharedConstat(bed, insurer);
    await apart(insurer, async () => {
      await insurer.platform.edit('constat', constat.id, { status: 'CANCELLED' });
      await staffEdit(bed, constat, signed(constat));
    });
    const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
    expect(state['status']).toBe('CANCELLED');
    expect(await conflictsOf(bed, constat.id)).toEqual([]);
  });

  it('when P validated first → VALIDATED and a conflict', async () => {
    const constat = await sharedConstat(bed, insurer);
    await apart(insurer, async () => {
      await insurer.platform.validate(constat.id);
      await staffEdit(bed, constat, { status: 'CANCELLED' });
    });
    const { state } = await expectLevel(bed, insurer, constat.id, { hub: 3, provider: 1 });
    expect(state['status']).toBe('VALIDATED');
    expect(await conflictsOf(bed, constat.id)).toMatchObject([
      {
        atom: 'status',
        code: 'STATUS_CLASH',
        severity: 'critical',
        stands: 'theirs',
        status: 'open',
        ours: { status: 'CANCELLED' },
        theirs: { status: 'VALIDATED' },
      },
    ]);
  });
});
