import type { Buffer } from 'node:buffer';
import type { Random } from './random.ts';

export interface Message {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** What lies between the two sides: messages that were sent wait in the air, in no order, until they are appended to their
 *  topic's log; there they may appear once more, or never. Both sides read the same logs, each from a position of its own. */
export interface Network {
  send(message: Message): void;
  inAir(): number;
  /** Appends one message that is in the air; it may stay there for a second time. */
  deliver(random: Random, options: { readonly duplicate: boolean }): void;
  /** One message in the air never arrives. */
  destroy(random: Random): void;
  log(topic: string): readonly Message[];
  /** Everything that was ever sent. */
  everSent(): readonly Message[];
  /** Everything that has arrived, or still may. */
  everArriving(): readonly Message[];
  append(message: Message): void;
}

export function createNetwork(): Network {
  const air: Message[] = [];
  const sent: Message[] = [];
  const logs = new Map<string, Message[]>();
  const logOf = (topic: string): Message[] => {
    let log = logs.get(topic);
    if (log === undefined) logs.set(topic, (log = []));
    return log;
  };
  return {
    send(message) {
      air.push(message);
      sent.push(message);
    },
    inAir: () => air.length,
    deliver(random, { duplicate }) {
      const at = random.below(air.length);
      const message = air[at]!;
      if (!duplicate) air.splice(at, 1);
      logOf(message.topic).push(message);
    },
    destroy(random) {
      air.splice(random.below(air.length), 1);
    },
    log: logOf,
    everSent: () => sent,
    everArriving: () => [...air, ...[...logs.values()].flat()],
    append: (message) => void logOf(message.topic).push(message),
  };
}
