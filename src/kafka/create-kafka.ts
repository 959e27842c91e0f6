import kafkajs from 'kafkajs';
import type { Kafka, LogEntry, SASLOptions } from 'kafkajs';
import type { Log } from '../ports.ts';
import type { KafkaConnection } from './connection.ts';
import { mendCoordinator } from './mend-coordinator.ts';
import { mendLeaderless } from './mend-leaderless.ts';
import { mendProduce } from './mend-produce.ts';
import { mendRequestQueue } from './mend-request-queue.ts';

/** Bounded, so that an outage surfaces as an error within seconds: waiting longer is the caller's decision. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, multiplier: 2, factor: 0.2, retries: 5 };

/** A kafkajs client; opens no connection. kafkajs keeps the committed offsets of a group per client: one client must not
 *  serve two members of the same group. */
export function createKafka(connection: KafkaConnection, log: Log): Kafka {
  mendProduce();
  mendRequestQueue();
  mendLeaderless();
  mendCoordinator();
  return new kafkajs.Kafka({
    clientId: connection.clientId,
    brokers: [...connection.brokers],
    ssl: connection.ssl,
    // A copy: kafkajs writes into it, and ours is frozen.
    ...(connection.sasl && { sasl: { ...connection.sasl } as SASLOptions }),
    connectionTimeout: 5_000,
    requestTimeout: connection.requestTimeoutMs ?? 30_000,
    ...(connection.socketFactory && { socketFactory: connection.socketFactory }),
    retry: RETRY,
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => routeLog(entry, log),
  });
}

/** One level below kafkajs' own: what it calls an error it retries or throws, and what it throws is logged by its
 *  caller; joining, pausing and stopping are details. */
function routeLog(
  { level, namespace, log: { message, timestamp: _, logger: __, stack: ___, ...fields } }: LogEntry,
  log: Log,
): void {
  const line = `kafkajs ${namespace}: ${message}`;
  // The sink throws its producer away when bounded retries run out, which is what keeps the guarantee.
  if (message.startsWith('Limiting retries for the idempotent producer')) return;
  if (level === kafkajs.logLevel.ERROR) log.warn(fields, line);
  else if (level === kafkajs.logLevel.WARN) log.info(fields, line);
  else log.debug(fields, line);
}
