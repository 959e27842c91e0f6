import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderAdoption } from '../../../src/domain/order-adoption.ts';
import { joinRevisions, nextRevision, type Revision } from '../../../src/domain/revision.ts';

const event = (name: string, revision: Revision, replay = false) => ({ name, revision, replay });
const names = (events: readonly { readonly name: string }[]) => events.map(({ name }) => name);
const flat = ({ steps, unseen }: ReturnType<typeof orderAdoption<ReturnType<typeof event>>>) => [
  ...steps.flatMap(({ seen, ours }) => [...names(seen), ours.name]),
  ...names(unseen).map((name) => `${name}?`),
];

describe('The order in which events are adopted', () => {
  it('has what an event of ours had seen before it, and what it had not after it', () => {
    const ours = [event('H2', { eassurance: 2, saa: 1 }), event('H1', { eassurance: 1 })];
    const theirs = [event('P2', { eassurance: 1, saa: 2 }), event('P1', { eassurance: 1, saa: 1 })];
    expect(flat(orderAdoption(ours, theirs))).toEqual(['H1', 'P1', 'H2', 'P2?']);
  });

  it('has a concurrent event between the state that it met and the merge that answered it', () => {
    const ours = [event('M', { eassurance: 3, saa: 1 }), event('H', { eassurance: 2 })];
    expect(flat(orderAdoption(ours, [event('P', { eassurance: 1, saa: 1 })]))).toEqual(['H', 'P', 'M']);
  });

  it('has a state before the same state sent again', () => {
    const ours = [event('again', { eassurance: 2 }, true), event('H', { eassurance: 2 })];
    expect(flat(orderAdoption(ours, []))).toEqual(['H', 'again']);
  });

  it('is the order in which the hub settled them, whatever order they are read in', () => {
    const history = fc.array(fc.constantFrom('hub edits', 'provider edits', 'hub hears'), { maxLength: 12 });
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (steps, random) => {
        let hub: Revision = {};
        let provider: Revision = {};
        let onItsWay: ReturnType<typeof event>[] = [];
        const settled: ReturnType<typeof event>[] = [];
        steps.forEach((step, i) => {
          if (step === 'hub edits') {
            hub = nextRevision(hub, 'eassurance');
            settled.push(event(`H${i}`, hub));
          } else if (step === 'provider edits') {
            provider = nextRevision(provider, 'saa');
            onItsWay.push(event(`P${i}`, provider));
          } else {
            for (const heard of onItsWay) {
              settled.push(heard);
              hub = nextRevision(joinRevisions(hub, heard.revision), 'eassurance');
              settled.push(event(`M${heard.name}`, hub));
            }
            onItsWay = [];
          }
        });
        const read = [...settled, ...onItsWay]
          .map((one) => ({ one, at: random.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const isOurs = ({ name }: { readonly name: string }) => !name.startsWith('P');
        const result = orderAdoption(
          read.filter(isOurs),
          read.filter((one) => !isOurs(one)),
        );
        expect(flat(result)).toEqual([...names(settled), ...names(onItsWay).map((name) => `${name}?`)]);
      }),
    );
  });
});
