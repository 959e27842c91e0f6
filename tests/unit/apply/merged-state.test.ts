import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/domain/canonical.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { EntityKind } from '../../../src/domain/kind.ts';
import { mergeStates } from '../../../src/domain/merge-states.ts';
import { arbitraryState } from '../avro/arbitrary-state.ts';
import { sampleEvent } from '../avro/sample-events.ts';
import { contracts, setupCodec } from '../avro/setup-codec.ts';
import { kinds } from '../domain/setup.ts';

let bench: Awaited<ReturnType<typeof setupCodec>>;
beforeAll(async () => void (bench = await setupCodec()));
afterAll(() => bench.registryServer.close());

const CASES: readonly (readonly [string, EntityKind, string])[] = [
  ['constat', kinds.constat, 'updated'],
  ['vehicle', kinds.vehicle, 'verified'],
  ['policy', kinds.policy, 'updated'],
  ['claim', kinds.claim, 'processed'],
];

/** Three states of one entity, each with some fields of its own and the others in common. */
function arbitraryStates(kind: EntityKind): fc.Arbitrary<readonly [JsonObject, JsonObject, JsonObject]> {
  const { state } = contracts.event(Object.values(kind.events).at(-1)!);
  const any = arbitraryState(state, contracts.book);
  const fields = fc.subarray(state.fields.map(({ name }) => name).filter((name) => name !== kind.idField));
  return fc.tuple(any, any, any, fields, fields).map(([base, ours, theirs, changedByUs, changedByThem]) => {
    const edited = (by: JsonObject, changed: readonly string[]): JsonObject => ({
      ...base,
      ...Object.fromEntries(changed.flatMap((name) => (name in by ? [[name, by[name]!]] : []))),
    });
    return [base, edited(ours, changedByUs), edited(theirs, changedByThem)];
  });
}

describe('a state that was merged', () => {
  it.each(CASES)(
    'of any three states of a %s is one that its contract allows, and travels unchanged',
    async (name, kind, action) => {
      const topic = `saa-${name}.${action}`;
      await fc.assert(
        fc.asyncProperty(arbitraryStates(kind), fc.boolean(), fc.boolean(), async (given, seen, hubOwns) => {
          const [base, ours, theirs] = given.map((state) => bench.codec.normalise(kind, state)) as [
            JsonObject,
            JsonObject,
            JsonObject,
          ];
          const { state } = mergeStates({
            ...{ kind, base: seen ? base : null, baseMissing: false, ours, hubStates: [ours], theirs },
            ...{ owner: () => (hubOwns ? 'eassurance' : 'provider'), provider: 'saa', createdBy: 'saa' },
          });
          const travelling = bench.codec.normalise(kind, state);
          const digest = digestOf(state, kind.shape);
          expect(digestOf(travelling, kind.shape)).toBe(digest);

          const event = sampleEvent(name, action, state, state[kind.idField] as string);
          const { bytes, schemaRef } = await bench.codec.encode(topic, event);
          const [decoded] = await bench.codec.decodeBatch(topic, [bytes]);
          if (!decoded?.readable) throw new Error(decoded?.cause);
          expect(decoded.event.state).toEqual(travelling);
          expect((await bench.codec.decodeStored(bytes, schemaRef)).state).toEqual(travelling);
          expect(digestOf(decoded.event.state, kind.shape)).toBe(digest);
        }),
        { numRuns: 100 },
      );
    },
  );
});
