import { describe, expect, it } from 'vitest';
import { isTraceparent, readTrail } from '../../../src/api/read-trail.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('the trail of a request', () => {
  it('continues what is well formed', () => {
    const trail = readTrail({ correlationId: 'ticket-7', traceparent }, () => 'new');
    expect(trail).toEqual({ correlationId: 'ticket-7', traceparent });
  });

  it('begins a trace of its own where there is none', () => {
    const make = () => readTrail({ correlationId: undefined, traceparent: undefined }, () => 'new');
    const [first, second] = [make(), make()];
    expect(first.correlationId).toBe('new');
    expect(isTraceparent(first.traceparent)).toBe(true);
    expect(first.traceparent).not.toBe(second.traceparent);
  });

  it.each([
    ['a later version with more fields', `cc${traceparent.slice(2)}-more`, true],
    ['version 00 with more fields', `${traceparent}-more`, false],
    ['version ff', `ff${traceparent.slice(2)}`, false],
    ['capitals', traceparent.toUpperCase(), false],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, false],
    ['a parent id of zeros', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`, false],
    ['nothing', '', false],
    ['a very long text', `cc${traceparent.slice(2)}-${'x'.repeat(300)}`, false],
  ])('judges %s', (_story, text, valid) => {
    expect(isTraceparent(text)).toBe(valid);
  });
});
