import type { Consumer } from 'kafkajs';

/** A batch in work, as its broker's fetches see it. */
export interface BatchInWork {
  /** Resolves once as many partitions of the same broker are known to have records that nobody works on as there are in
   *  work: a fetch is then answered at once and with much, though it can't ask for this one. */
  readonly othersWait: Promise<void>;
  /** The batch is done. `more`: there are records behind it. */
  done(more: boolean): void;
}

interface Broker {
  /** Partitions with records that are not in work. */
  readonly waiting: Set<string>;
  /** Of these, what the fetch under way asks for. */
  asked: readonly string[];
  /** Of each batch in work, who is to be told. */
  readonly inWork: Set<() => void>;
}

/** Knows from the fetches of one consumer which partitions have more than what is in work. kafkajs says in an event of its
 *  own which broker has answered, just before it hands out what came. */
export function trackBacklog(consumer: Consumer): { start(partition: string): BatchInWork } {
  const brokers = new Map<number, Broker>();
  const brokerOf = (nodeId: number): Broker => {
    const broker = brokers.get(nodeId) ?? { waiting: new Set(), asked: [], inWork: new Set() };
    brokers.set(nodeId, broker);
    return broker;
  };
  let answering = brokerOf(-1);
  consumer.on(consumer.events.FETCH_START, ({ payload: { nodeId } }) => {
    const broker = brokerOf(nodeId);
    broker.asked = [...broker.waiting];
  });
  consumer.on(consumer.events.FETCH, ({ payload: { nodeId } }) => {
    answering = brokerOf(nodeId);
    for (const partition of answering.asked) answering.waiting.delete(partition);
  });
  return {
    start(partition) {
      const { waiting, inWork } = answering;
      const others = Promise.withResolvers<void>();
      inWork.add(others.resolve);
      return {
        othersWait: others.promise,
        done(more) {
          inWork.delete(others.resolve);
          if (more) waiting.add(partition);
          if (waiting.size >= inWork.size) for (const tell of inWork) tell();
        },
      };
    },
  };
}
