import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import { createMemoryTracing } from '../../fakes/memory-tracing.ts';
import { relayBatch, row, setup, SIGNING_KEY } from './setup.ts';

describe('one step of a shard', () => {
  it('sends the oldest rows in their order and notes where each stands', async () => {
    const { deps, values, acknowledged, waiting } = setup({ saa: [row(1), row(2), row(3)] });
    expect(await relayBatch('saa', { ...deps, batchSize: 2 })).toBe(2);
    expect(values()).toEqual(['event 1', 'event 2']);
    expect(acknowledged).toEqual([
      {
        eventId: row(1).eventId,
        topic: 'saa-constat.updated',
        partition: 1,
        offset: 0n,
        outcome: 'published',
      },
      {
        eventId: row(2).eventId,
        topic: 'saa-constat.updated',
        partition: 1,
        offset: 1n,
        outcome: 'published',
      },
    ]);
    expect(waiting.get('saa')).toEqual([row(3)]);
  });

  it('of an empty shard sends nothing', async () => {
    const { deps, sent } = setup({ saa: [], trust: [row(1)] });
    expect(await relayBatch('saa', deps)).toBe(0);
    expect(sent).toEqual([]);
  });

  it('parks what Kafka refuses for good, and the others go', async () => {
    const { deps, parked, acknowledged, waiting, nextSendings } = setup({ saa: [row(1), row(2), row(3)] });
    nextSendings(() => [
      { status: 'acknowledged', partition: 0, offset: 5n },
      { status: 'refused', code: 'MESSAGE_TOO_LARGE', cause: 'too large' },
      { status: 'acknowledged', partition: 0, offset: 6n },
    ]);
    expect(await relayBatch('saa', deps)).toBe(3);
    expect(parked).toEqual([{ sequence: 2n, code: 'MESSAGE_TOO_LARGE' }]);
    expect(acknowledged.map(({ offset }) => offset)).toEqual([5n, 6n]);
    expect(waiting.get('saa')).toEqual([]);
  });

  it('keeps only the rows of which nobody knows whether they were written', async () => {
    const { deps, acknowledged, waiting, nextSendings } = setup({ saa: [row(1), row(2), row(3)] });
    const error = new TransientError('KAFKA_UNAVAILABLE', 'no leader');
    nextSendings(() => [
      { status: 'acknowledged', partition: 0, offset: 5n },
      { status: 'unknown', error },
      { status: 'acknowledged', partition: 1, offset: 6n },
    ]);
    await expect(relayBatch('saa', deps)).rejects.toBe(error);
    expect(acknowledged.map(({ offset }) => offset)).toEqual([5n, 6n]);
    expect(waiting.get('saa')).toEqual([row(2)]);
  });

  it('of which nobody knows what was written keeps every row', async () => {
    const { deps, acknowledged, parked, waiting, nextSendings } = setup({ saa: [row(1), row(2)] });
    nextSendings(() => Promise.reject(new TransientError('KAFKA_UNAVAILABLE', 'no answer')));
    await expect(relayBatch('saa', deps)).rejects.toThrow(TransientError);
    expect(waiting.get('saa')).toEqual([row(1), row(2)]);
    expect([acknowledged, parked]).toEqual([[], []]);
  });
});

describe('the record of a row', () => {
  it('has the entity as key, the bytes as they are, CloudEvents headers and our signature', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { deps, sent } = setup({ saa: [row(1, { traceparent })] });
    await relayBatch('saa', deps);
    const { eventId, entityId, bytes } = row(1);
    expect(sent[0]).toEqual([
      {
        topic: 'saa-constat.updated',
        key: entityId,
        value: bytes,
        headers: {
          ce_specversion: '1.0',
          ce_id: eventId,
          ce_source: 'urn:eassurance:eassurance',
          ce_type: 'dz.eassurance.constat.updated.v1',
          ce_time: '2026-05-10T11:59:59.000Z',
          ce_subject: entityId,
          'content-type': 'application/avro',
          'eassurance-signature': createHmac('sha256', SIGNING_KEY)
            .update(eventId)
            .update(bytes)
            .digest('hex'),
          traceparent,
        },
      },
    ]);
  });

  it('has no trace context where there is none', async () => {
    const { deps, sent } = setup({ saa: [row(1)] });
    await relayBatch('saa', deps);
    expect(Object.keys(sent[0]![0]!.headers)).not.toContain('traceparent');
  });
});

describe('the trace of a row', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = (...rows: Parameters<typeof setup>[0][string][number][]) => {
    const { tracing, spans } = createMemoryTracing();
    const world = setup({ saa: rows });
    return { ...world, spans, deps: { ...world.deps, tracing } };
  };

  it('goes on with the span of its sending, which says where it stands', async () => {
    const { deps, sent, spans } = traced(row(1), row(2, { traceparent }));
    await relayBatch('saa', deps);
    expect(spans).toMatchObject([
      { name: 'send saa-constat.updated', parent: traceparent, ended: { failure: undefined } },
    ]);
    expect(spans[0]!.noted).toMatchObject({ 'messaging.destination.partition.id': '1' });
    const headers = sent[0]!.map((record) => record.headers['traceparent']);
    expect(headers).toEqual([undefined, '00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01']);
  });

  it('shows what Kafka refused, and what nobody knows to be written', async () => {
    const { deps, spans, nextSendings } = traced(row(1, { traceparent }), row(2, { traceparent }));
    const away = new TransientError('KAFKA_UNAVAILABLE', 'no answer');
    nextSendings(
      () => Promise.reject(away),
      () => [
        { status: 'refused', code: 'MESSAGE_TOO_LARGE', cause: 'too large' },
        { status: 'unknown', error: away },
      ],
    );
    await expect(relayBatch('saa', deps)).rejects.toThrow(away);
    await expect(relayBatch('saa', deps)).rejects.toThrow(away);
    expect(spans.map(({ ended }) => ended?.failure)).toEqual([away, away, 'MESSAGE_TOO_LARGE', away]);
  });
});
