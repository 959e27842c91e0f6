import kafkajs, { type Kafka } from 'kafkajs';
import type { Bed } from '../open-bed.ts';

/** The bed's first insurer, with its own login. */
export function insurerKafka({ services, providerIds, passwords }: Bed): Kafka {
  const [username] = providerIds as [string];
  return new kafkajs.Kafka({
    clientId: 'bench-insurer',
    brokers: services.kafkaBrokers,
    sasl: { mechanism: 'scram-sha-256', username, password: passwords.get(username)! },
    logLevel: kafkajs.logLevel.NOTHING,
  });
}
