import { createRequire } from 'node:module';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { mendCoordinator } from '../../../src/kafka/mend-coordinator.ts';

const ConsumerGroup = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup.js') as new (
  options: object,
) => {
  memberId: string;
  coordinator: object;
  heartbeat(options: { interval: number }): Promise<void>;
};

const SESSION_MS = 15_000;
const away = Object.assign(new Error('refused'), { name: 'KafkaJSConnectionError' });
const loading = Object.assign(new Error('loading'), { type: 'GROUP_LOAD_IN_PROGRESS' });
const putOut = Object.assign(new Error('put out'), { type: 'UNKNOWN_MEMBER_ID' });

beforeAll(mendCoordinator);
beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A member whose coordinator takes heartbeats as `first` says, and after another search as `second` does. */
function setup(first: () => Promise<void>, second: (() => Promise<void>) | null) {
  const log: { namespace(): object } = { namespace: () => log };
  const searches = vi.fn();
  const group = new ConsumerGroup({
    ...{ logger: log, groupId: 'g', topics: [], sessionTimeout: SESSION_MS },
    instrumentationEmitter: { emit: () => {} },
    cluster: {
      findGroupCoordinatorMetadata: async () => {
        searches();
        if (second === null) throw away;
        return { coordinator: { nodeId: 2 } };
      },
      findBroker: async () => ({ heartbeat: second }),
    },
  });
  group.memberId = 'm';
  group.coordinator = { heartbeat: first };
  const beat = async (afterMs = 3_000) => {
    await vi.advanceTimersByTimeAsync(afterMs);
    await group.heartbeat({ interval: 3_000 });
  };
  return { beat, searches };
}

const fails = (error: Error) => vi.fn(() => Promise.reject(error));

describe('a coordinator', () => {
  it.each([away, loading])(
    'is looked up again when it is away or moves, while reading goes on',
    async (error) => {
      const second = vi.fn(async () => {});
      const { beat } = setup(fails(error), second);
      await beat();
      expect(second).not.toHaveBeenCalled();
      await beat();
      expect(second).toHaveBeenCalledOnce();
    },
  );

  it('is looked up once a second at most', async () => {
    const { beat, searches } = setup(fails(away), null);
    await beat();
    for (let nth = 0; nth < 9; nth++) await beat(100);
    expect(searches).toHaveBeenCalledOnce();
    await beat(200);
    expect(searches).toHaveBeenCalledTimes(2);
  });

  it('that took no heartbeat for a session ends the reading', async () => {
    const { beat } = setup(fails(away), null);
    for (let waited = 3_000; waited <= SESSION_MS; waited += 3_000) await beat();
    await expect(beat()).rejects.toBe(away);
  });

  it('that has put the member out is heard at once', async () => {
    const { beat } = setup(fails(putOut), null);
    await expect(beat()).rejects.toBe(putOut);
  });
});
