import { expect, it } from 'vitest';
import { processSpan, traceOutcomes } from '../../../src/consume/trace-batch.ts';
import type { WireRecord } from '../../../src/ports.ts';
import { createMemoryTracing } from '../../fakes/memory-tracing.ts';

const TOPIC = 'saa-constat.updated';
const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-01`;
const batchOf = (...traceparents: readonly (string | undefined)[]) => ({
  topic: TOPIC,
  partition: 2,
  records: traceparents.map((value, i): WireRecord => {
    const headers: Record<string, string> = value === undefined ? {} : { traceparent: value };
    return {
      topic: TOPIC,
      partition: 2,
      offset: BigInt(40 + i),
      timestampMs: 0,
      key: null,
      value: null,
      headers,
    };
  }),
});

it('A batch of one record continues the trace of its event', () => {
  const start = processSpan(batchOf(traceparent('a')), 'saa');
  expect(start).toMatchObject({ name: `process ${TOPIC}`, kind: 'consumer', parent: traceparent('a') });
  expect(start.links).toBeUndefined();
});

it('A batch of several records begins a trace, and is linked to those of its events', () => {
  const start = processSpan(batchOf(traceparent('a'), undefined, traceparent('b')), 'saa');
  expect(start.parent).toBeUndefined();
  expect(start.links).toEqual([traceparent('a'), undefined, traceparent('b')]);
  expect(start.attributes).toMatchObject({
    'messaging.destination.partition.id': '2',
    'messaging.kafka.offset': 40,
    'messaging.batch.message_count': 3,
  });
});

it('The outcomes are counted, and each merge has a span in the trace of its event', () => {
  const { tracing, spans } = createMemoryTracing();
  const batch = batchOf(traceparent('a'), traceparent('b'), traceparent('c'));
  const span = tracing.startSpan(processSpan(batch, 'saa'));
  const settled = (['applied', 'merged', 'applied'] as const).map((outcome, i) => {
    return { outcome, code: null, eventId: `event ${i}`, entityId: 'the constat' };
  });
  traceOutcomes(batch, settled, { span, startMs: 7 }, tracing);
  expect(spans[0]!.noted).toEqual({ 'bridge.outcome.applied': 2, 'bridge.outcome.merged': 1 });
  expect(spans.slice(1)).toEqual([
    {
      name: `merge ${TOPIC}`,
      kind: 'internal',
      parent: traceparent('b'),
      links: [span.traceparent],
      startMs: 7,
      attributes: { 'messaging.message.id': 'event 1', 'bridge.entity.id': 'the constat' },
      ended: { failure: undefined },
      noted: {},
    },
  ]);
});
