import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { recordConstat, shownAt } from './actions.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

let bed: Bed;
let ill: Insurer;
let well: Insurer;
beforeAll(async () => {
  bed = await setup({ providers: 2 });
  [ill, well] = bed.insurers as [Insurer, Insurer];
});
afterAll(() => bed.close());

const refresh = (id: string) => bed.staff.post(`/v1/constats/${id}/refresh`);
const circuitOf = async ({ id }: Insurer): Promise<string> => {
  const { data } = await bed.staff.get('/v1/providers');
  return data.data.find((provider: { id: string }) => provider.id === id).pull.circuit;
};
const checkOf = async ({ id }: Insurer) => {
  const { data, status } = await bed.staff.get('/health/ready');
  const check = data.checks.find(({ name }: { name: string }) => name === `provider-api-${id}`);
  return { status, check };
};

describe("while one insurer's API answers 500", () => {
  it('its circuit opens, half opens and closes, each shown, and nobody else slows down', async () => {
    const theirs = await ill.platform.create('constat', ill.sample.constat());
    const others = await well.platform.create('constat', well.sample.constat());
    await shownAt(bed, 'constats', theirs.id, `${ill.id}:1`);
    await shownAt(bed, 'constats', others.id, `${well.id}:1`);
    expect(await circuitOf(ill)).toBe('closed');

    ill.platform.faults.set({ api: '500' });
    await waitFor('the circuit is open', async () => {
      await refresh(theirs.id);
      return (await circuitOf(ill)) === 'open';
    });
    const openedAt = Date.now();
    expect((await refresh(theirs.id)).data).toMatchObject({ code: 'CIRCUIT_OPEN' });
    // Asked of an open circuit, the answer is there at once.
    expect(Date.now() - openedAt).toBeLessThan(2_000);
    expect(await checkOf(ill)).toMatchObject({
      status: 200,
      check: {
        status: 'degraded',
        detail: expect.stringContaining('the circuit is open after PROVIDER_UNAVAILABLE'),
      },
    });

    expect(await circuitOf(well)).toBe('closed');
    expect((await refresh(others.id)).status).toBe(200);
    // Events know nothing of the API: they flow both ways with the insurer whose API is ill.
    const ours = await recordConstat(bed, ill);
    await ill.platform.waitFor('constat', ours.id, () => true, 10_000);
    const more = await ill.platform.create('constat', ill.sample.constat());
    await shownAt(bed, 'constats', more.id, `${ill.id}:1`);

    ill.platform.faults.set({ api: 'none' });
    await waitFor('the circuit is half open', async () => (await circuitOf(ill)) === 'half-open');
    expect((await refresh(theirs.id)).status).toBe(200);
    expect(await circuitOf(ill)).toBe('closed');
    expect((await checkOf(ill)).check.status).toBe('up');
  });
});
