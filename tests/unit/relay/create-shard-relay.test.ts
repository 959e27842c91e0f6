import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import type { Outbox, OutboxItem, SendResult } from '../../../src/ports.ts';
import { createShardRelay } from '../../../src/relay/create-shard-relay.ts';
import { createPermits } from '../../../src/runtime/create-permits.ts';
import { row, setup } from './setup.ts';

const away = new TransientError('KAFKA_UNAVAILABLE', 'no answer');
const never = new AbortController().signal;
const written = (offset: number): SendResult => ({
  status: 'acknowledged',
  partition: 1,
  offset: BigInt(offset),
});

/** Everything that follows from what was let go has happened: there is no I/O and no timer. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A shard whose every read, sending and acknowledgement waits until it is let go. */
function open(
  rows: readonly OutboxItem[],
  limits: { batchSize?: number; batchBytes?: number } = {},
  permits = createPermits(1),
) {
  const world = setup({ saa: rows });
  const { outbox } = world.deps;
  const under: { readonly name: string; readonly go: (failure?: Error) => void }[] = [];
  const begun: string[] = [];
  const gate = (name: string): Promise<void> => {
    begun.push(name);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    under.push({ name, go: (failure) => (failure ? reject(failure) : resolve()) });
    return promise;
  };
  const nth = (items: readonly { readonly sequence: bigint }[]) =>
    items.map(({ sequence }) => sequence).join('+');
  const held: Outbox = {
    ...outbox,
    async read(shard, limit, more) {
      const items = await outbox.read(shard, limit, more);
      await gate(`read ${nth(items)}`);
      return items;
    },
    async acknowledge(sent) {
      await gate(`acknowledge ${nth(sent)}`);
      await outbox.acknowledge(sent);
    },
    async park(sequence, code, cause) {
      await gate(`park ${sequence}`);
      await outbox.park(sequence, code, cause);
    },
  };
  const sinkOf: typeof world.deps.sinkOf = (shard) => ({
    async send(records) {
      await gate(`send ${records.map(({ value }) => value.toString().replace('event ', '')).join('+')}`);
      return world.deps.sinkOf(shard).send(records);
    },
  });
  const deps = { ...world.deps, outbox: held, sinkOf, batchSize: 2, ...limits };
  const relay = createShardRelay('saa', deps, permits);
  return {
    ...world,
    ...{ relay, begun },
    step: (signal = never) => {
      const step = relay.step(signal);
      step.catch(() => {});
      return step;
    },
    /** Lets go what has begun: on, or with a failure. */
    async letGo(name: string, failure?: Error) {
      await settled();
      const index = under.findIndex((each) => each.name === name);
      if (index < 0)
        throw new Error(`${name} has not begun; under way: ${under.map((one) => one.name).join()}`);
      under.splice(index, 1)[0]!.go(failure);
    },
    /** What waits to be let go, once nothing moves any more. */
    async underWay() {
      await settled();
      return under.map(({ name }) => name).sort();
    },
  };
}

const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i + 1));

describe('the relay of a shard', () => {
  it('reads the next batch while one is sent, and acknowledges the one before', async () => {
    const { step, letGo, underWay, waiting, relay } = open(rows(6));
    const first = step();
    await letGo('read 1+2');
    expect(await underWay()).toEqual(['read 3+4', 'send 1+2']);
    await letGo('read 3+4');
    await letGo('send 1+2');
    expect(await first).toBe(2);
    const second = step();
    expect(await underWay()).toEqual(['acknowledge 1+2', 'read 5+6', 'send 3+4']);
    await letGo('read 5+6');
    await letGo('send 3+4');
    await letGo('acknowledge 1+2');
    expect(await second).toBe(2);
    const third = step();
    expect(await underWay()).toEqual(['acknowledge 3+4', 'read ', 'send 5+6']);
    for (const name of ['acknowledge 3+4', 'read ', 'send 5+6', 'acknowledge 5+6']) await letGo(name);
    expect(await third).toBe(2);
    const last = step();
    expect(await last).toBe(0);
    await relay.finish();
    expect(waiting.get('saa')).toEqual([]);
  });

  it('sends nothing before every row of the batch before is known to be written or parked', async () => {
    const { step, letGo, underWay, nextSendings } = open(rows(4));
    nextSendings(() => [written(0), { status: 'refused', code: 'MESSAGE_TOO_LARGE', cause: 'too large' }]);
    const first = step();
    await letGo('read 1+2');
    await letGo('read 3+4');
    expect(await underWay()).toEqual(['send 1+2']);
    await letGo('send 1+2');
    expect(await underWay()).toEqual(['park 2']);
    await letGo('park 2');
    await first;
    void step();
    expect(await underWay()).toEqual(['acknowledge 1', 'read ', 'send 3+4']);
  });

  it.each([
    ['of which nobody knows a row to be written', undefined],
    ['of which nobody knows anything', away],
  ])('drops what it read ahead of a batch %s', async (_name, failure) => {
    const { step, letGo, begun, nextSendings, values } = open(rows(4));
    if (failure === undefined) nextSendings(() => [written(0), { status: 'unknown', error: away }]);
    const first = step();
    await letGo('read 1+2');
    await letGo('read 3+4');
    await letGo('send 1+2', failure);
    if (failure === undefined) await letGo('acknowledge 1');
    await expect(first).rejects.toBe(away);

    void step();
    const left = failure === undefined ? '2+3' : '1+2';
    await letGo(`read ${left}`);
    await letGo(`send ${left}`);
    expect(begun.filter((name) => name.startsWith('send'))).toEqual(['send 1+2', `send ${left}`]);
    expect(values().at(-1)).toBe(`event ${left.at(-1)}`);
  });

  it('waits for the acknowledgement of what was written before it looks at what is left', async () => {
    const { step, letGo, underWay, nextSendings } = open(rows(2), { batchSize: 3 });
    nextSendings(() => [written(0), { status: 'unknown', error: away }]);
    const first = step();
    await letGo('read 1+2');
    await letGo('send 1+2');
    expect(await underWay()).toEqual(['acknowledge 1']);
    await letGo('acknowledge 1');
    await expect(first).rejects.toBe(away);
    void step();
    expect(await underWay()).toEqual(['read 2']);
  });

  it('acknowledges nothing of a later batch when an acknowledgement failed, and sends both again in their order', async () => {
    const { step, letGo, underWay, begun, acknowledged, values } = open(rows(6));
    const first = step();
    for (const name of ['read 1+2', 'read 3+4', 'send 1+2']) await letGo(name);
    await first;
    const second = step();
    await letGo('read 5+6');
    await letGo('acknowledge 1+2', away);
    expect(await underWay()).toEqual(['send 3+4']);
    await letGo('send 3+4');
    await expect(second).rejects.toBe(away);
    expect(acknowledged).toEqual([]);
    expect(begun).not.toContain('acknowledge 3+4');

    const third = step();
    for (const name of ['read 1+2', 'read 3+4', 'send 1+2']) await letGo(name);
    await third;
    void step();
    await letGo('send 3+4');
    await letGo('acknowledge 1+2');
    await letGo('acknowledge 3+4');
    expect(values()).toEqual([1, 2, 3, 4, 1, 2, 3, 4].map((n) => `event ${n}`));
  });

  it('sends one edit at once and acknowledges it without another', async () => {
    const { step, letGo, underWay, acknowledged, begun } = open(rows(1));
    const first = step();
    expect(await underWay()).toEqual(['read 1']);
    await letGo('read 1');
    expect(await underWay()).toEqual(['send 1']);
    await letGo('send 1');
    expect(await first).toBe(1);
    expect(await underWay()).toEqual(['acknowledge 1']);
    const second = step();
    await letGo('read ');
    await letGo('acknowledge 1');
    expect(await second).toBe(0);
    expect(acknowledged).toHaveLength(1);
    expect(begun).toEqual(['read 1', 'send 1', 'acknowledge 1', 'read ']);
  });

  it('is not empty before what it sent is acknowledged', async () => {
    const { step, letGo } = open(rows(1));
    const first = step();
    for (const name of ['read 1', 'send 1']) await letGo(name);
    await first;
    const second = step();
    await letGo('read ');
    await letGo('acknowledge 1', away);
    await expect(second).rejects.toBe(away);
    const third = step();
    for (const name of ['read 1', 'send 1']) await letGo(name);
    expect(await third).toBe(1);
  });

  it('sends an edit that was made meanwhile before the one before is acknowledged, and never that one again', async () => {
    const { step, letGo, underWay, waiting } = open(rows(1));
    const first = step();
    for (const name of ['read 1', 'send 1']) await letGo(name);
    await first;
    waiting.get('saa')!.push(row(2));
    void step();
    await letGo('read 2');
    expect(await underWay()).toEqual(['acknowledge 1', 'send 2']);
  });

  it('sends a parked row when somebody has taken it up again', async () => {
    const { step, letGo, waiting, nextSendings, underWay } = open(rows(1));
    nextSendings(() => [{ status: 'refused', code: 'MESSAGE_TOO_LARGE', cause: 'too large' }]);
    const first = step();
    for (const name of ['read 1', 'send 1', 'park 1', 'acknowledge ']) await letGo(name);
    await first;
    waiting.get('saa')!.push(row(1));
    void step();
    await letGo('read 1');
    expect(await underWay()).toEqual(['send 1']);
  });

  it('reads ahead only with a permit, and gives it back with the batch, also with one that it drops', async () => {
    const permits = createPermits(1);
    const { step, letGo, underWay } = open(rows(8), {}, permits);
    expect(permits.take()).toBe(true);
    const first = step();
    await letGo('read 1+2');
    expect(await underWay()).toEqual(['send 1+2']);
    permits.give();
    await letGo('send 1+2');
    await first;
    const second = step();
    await letGo('read 3+4');
    expect(await underWay()).toEqual(['acknowledge 1+2', 'read 5+6', 'send 3+4']);
    expect(permits.take()).toBe(false);
    for (const name of ['acknowledge 1+2', 'read 5+6', 'send 3+4']) await letGo(name);
    await second;
    const third = step();
    expect(await underWay()).toEqual(['acknowledge 3+4', 'read 7+8', 'send 5+6']);
    for (const name of ['acknowledge 3+4', 'read 7+8']) await letGo(name);
    await letGo('send 5+6', away);
    await expect(third).rejects.toBe(away);
    expect([permits.take(), permits.take()]).toEqual([true, false]);
  });

  it('ends a batch with the row with which it is large enough, and reads ahead of that too', async () => {
    const { step, letGo, underWay } = open(rows(4), { batchSize: 10, batchBytes: 14 });
    const first = step();
    await letGo('read 1+2');
    expect(await underWay()).toEqual(['read 3+4', 'send 1+2']);
    await letGo('send 1+2');
    expect(await first).toBe(2);
  });
});

describe('the relay of a shard that is stopped', () => {
  it('while it reads sends nothing', async () => {
    const { step, letGo, relay, begun } = open(rows(2));
    const stop = new AbortController();
    const first = step(stop.signal);
    stop.abort();
    await letGo('read 1+2');
    await expect(first).rejects.toBe(stop.signal.reason);
    await relay.finish();
    expect(begun).toEqual(['read 1+2']);
  });

  it('while it sends acknowledges that, and drops what it read ahead', async () => {
    const { step, letGo, relay, waiting, begun } = open(rows(4));
    const stop = new AbortController();
    const first = step(stop.signal);
    for (const name of ['read 1+2', 'read 3+4']) await letGo(name);
    stop.abort();
    await letGo('send 1+2');
    expect(await first).toBe(2);
    const finished = relay.finish();
    await letGo('acknowledge 1+2');
    await finished;
    expect(waiting.get('saa')).toEqual([row(3), row(4)]);
    expect(begun).not.toContain('send 3+4');
  });

  it('sends nothing of what it read ahead', async () => {
    const { step, letGo, relay, begun } = open(rows(4));
    const stop = new AbortController();
    const first = step(stop.signal);
    for (const name of ['read 1+2', 'send 1+2']) await letGo(name);
    await first;
    const second = step(stop.signal);
    stop.abort();
    await letGo('read 3+4');
    await letGo('acknowledge 1+2');
    await expect(second).rejects.toBe(stop.signal.reason);
    await relay.finish();
    expect(begun.filter((name) => name.startsWith('send'))).toEqual(['send 1+2']);
  });

  it('has nothing under way once it has finished, whatever that comes to', async () => {
    const { step, letGo, relay } = open(rows(1));
    const first = step();
    for (const name of ['read 1', 'send 1']) await letGo(name);
    await first;
    const finished = relay.finish();
    expect(await Promise.race([finished.then(() => 'finished'), settled().then(() => 'at work')])).toBe(
      'at work',
    );
    await letGo('acknowledge 1', away);
    await finished;
  });

  it('does not hide a bug that it meets at last', async () => {
    const { step, letGo, relay } = open(rows(1));
    const first = step();
    for (const name of ['read 1', 'send 1']) await letGo(name);
    await first;
    const finished = relay.finish();
    finished.catch(() => {});
    await letGo('acknowledge 1', new TypeError('a bug'));
    await expect(finished).rejects.toThrow('a bug');
  });
});
