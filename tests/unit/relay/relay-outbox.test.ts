import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/domain/errors.ts';
import { relayOutbox, type Relay, type RelayOutboxDeps } from '../../../src/relay/relay-outbox.ts';
import { waitFor } from '../../support/wait-for.ts';
import { row, setup } from './setup.ts';

type Bed = ReturnType<typeof setup>;

/** A relay that runs until `stop`. */
function start(deps: RelayOutboxDeps) {
  const stopping = new AbortController();
  const relay = relayOutbox(deps);
  const running = relay.run(stopping.signal);
  running.catch(() => {});
  return {
    relay,
    running,
    stop: () => {
      stopping.abort();
      return running;
    },
  };
}
const unavailable = () =>
  Promise.reject(new TransientError('KAFKA_UNAVAILABLE', 'no broker', { retryAfterMs: 1 }));

describe('the relay', () => {
  it('sends what waits when it starts, batch after batch, in order', async () => {
    const { deps, values } = setup({ saa: [row(1), row(2), row(3)] });
    const { stop } = start({ ...deps, batchSize: 2 });
    await waitFor('all are sent', () => values().length === 3);
    expect(values()).toEqual(['event 1', 'event 2', 'event 3']);
    await stop();
  });

  it.each([
    ['here', (_bed: Bed, relay: Relay) => relay.wake(['saa'])],
    ['by another process', (bed: Bed) => bed.sessions[0]!.wake('saa')],
  ])('that sleeps sends as soon as it is woken %s', async (_where, wake) => {
    const bed = setup({ saa: [] });
    const { relay, stop } = start(bed.deps);
    await waitFor('it has looked and found nothing', () => bed.holders.has('saa'));
    bed.waiting.get('saa')!.push(row(1));
    wake(bed, relay);
    await waitFor('it is sent', () => bed.values().length === 1);
    await stop();
  });

  it('tells the relays of other processes, in as few words as possible', async () => {
    const { deps, notified } = setup({ saa: [], trust: [] });
    const { relay, stop } = start(deps);
    relay.wake(['saa']);
    relay.wake(['trust', 'saa']);
    relay.wake(['trust']);
    await waitFor('they were told', () => notified.length === 2);
    expect(notified).toEqual([['saa'], ['trust', 'saa']]);
    await stop();
  });

  it('tells nobody of a shard that it holds itself, until it has lost it', async () => {
    const bed = setup({ saa: [row(1)], trust: [] });
    const other = await bed.deps.outbox.openSession(() => {});
    await other.tryLock('trust');
    const { relay, stop } = start(bed.deps);
    await waitFor('it sends what is in its shard', () => bed.acknowledged.length === 1);
    relay.wake(['saa', 'trust']);
    await waitFor('the holder of the other was told', () => bed.notified.length === 1);

    bed.sessions[1]!.lose();
    const thief = await bed.deps.outbox.openSession(() => {});
    await thief.tryLock('saa');
    await waitFor('it has another session', () => bed.sessions.length === 4);
    relay.wake(['saa']);
    await waitFor('whoever holds it now was told', () => bed.notified.length === 2);
    expect(bed.notified).toEqual([['trust'], ['saa']]);
    await stop();
  });

  it('sends again, in the same order, until it is known what was written', async () => {
    const { deps, values, acknowledged, nextSendings } = setup({ saa: [row(1), row(2)] });
    nextSendings(unavailable, unavailable);
    const { stop } = start(deps);
    await waitFor('both are acknowledged', () => acknowledged.length === 2);
    const once = ['event 1', 'event 2'];
    expect(values()).toEqual([...once, ...once, ...once]);
    await stop();
  });

  it('goes on with every other shard while one has to wait', async () => {
    const { deps, acknowledged } = setup({ saa: [row(1)], trust: [row(2, { provider: 'trust' })] });
    const answer = Promise.withResolvers<never>();
    const stalled = { send: () => answer.promise };
    const sinkOf: RelayOutboxDeps['sinkOf'] = (shard) => (shard === 'saa' ? stalled : deps.sinkOf(shard));
    const { stop } = start({ ...deps, sinkOf });
    await waitFor("trust's is acknowledged", () => acknowledged.length === 1);
    expect(acknowledged[0]!.eventId).toBe(row(2).eventId);
    answer.reject(new TransientError('KAFKA_UNAVAILABLE', 'no answer'));
    await stop();
  });

  it('sends nothing of a shard that another process holds, and takes over when that one is gone', async () => {
    const bed = setup({ saa: [row(1)] });
    const other = await bed.deps.outbox.openSession(() => {});
    await other.tryLock('saa');
    const { relay, stop } = start(bed.deps);
    await waitFor('it has asked for the lock', () => bed.lockTries() === 2);
    relay.wake(['saa']);
    await waitFor('it has asked again', () => bed.lockTries() === 3);
    expect(bed.values()).toEqual([]);

    await other.close();
    relay.wake(['saa']);
    await waitFor('it is sent', () => bed.values().length === 1);
    await stop();
  });

  it('whose session is lost sends nothing more before it has locked its shards again', async () => {
    const bed = setup({ saa: [] });
    const { relay, stop } = start(bed.deps);
    await waitFor('it holds the shard', () => bed.holders.has('saa'));
    bed.sessions[0]!.lose();
    const thief = await bed.deps.outbox.openSession(() => {});
    await thief.tryLock('saa');
    await waitFor('it has another session', () => bed.sessions.length === 3);
    bed.waiting.get('saa')!.push(row(1));
    const tries = bed.lockTries();
    relay.wake(['saa']);
    await waitFor('it has asked for the lock again', () => bed.lockTries() > tries);
    expect(bed.values()).toEqual([]);

    await thief.close();
    relay.wake(['saa']);
    await waitFor('it is sent', () => bed.values().length === 1);
    await stop();
  });

  it('that is stopped while it waits keeps its rows and frees its shards', async () => {
    const { deps, waiting, holders, nextSendings } = setup({ saa: [row(1)] });
    nextSendings(() =>
      Promise.reject(new TransientError('KAFKA_UNAVAILABLE', 'no broker', { retryAfterMs: 600_000 })),
    );
    const { stop } = start(deps);
    await waitFor('it holds the shard', () => holders.has('saa'));
    await stop();
    expect(waiting.get('saa')).toEqual([row(1)]);
    expect(holders.size).toBe(0);
  });

  it('that is stopped ends when what it sent is acknowledged, still holding its shards', async () => {
    const { deps, holders, acknowledged } = setup({ saa: [row(1)] });
    const answer = Promise.withResolvers<void>();
    let asked = false;
    const acknowledge: typeof deps.outbox.acknowledge = async (rows) => {
      asked = true;
      relay.stop().catch(() => {});
      await answer.promise;
      await deps.outbox.acknowledge(rows);
    };
    const relay = start({ ...deps, outbox: { ...deps.outbox, acknowledge } });
    const { running } = relay;
    await waitFor('it acknowledges', () => asked);
    const soon = new Promise((resolve) => setImmediate(resolve, 'at work'));
    expect(await Promise.race([running, soon])).toBe('at work');
    expect(holders.has('saa')).toBe(true);
    answer.resolve();
    await running;
    expect(acknowledged).toHaveLength(1);
    expect(holders.size).toBe(0);
  });

  it('that meets a bug fails, and frees its shards', async () => {
    const { deps, holders, nextSendings } = setup({ saa: [row(1)], trust: [] });
    nextSendings(() => Promise.reject(new TypeError('a bug')));
    await expect(start(deps).running).rejects.toThrow('a bug');
    expect(holders.size).toBe(0);
  });
});
