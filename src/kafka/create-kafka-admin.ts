import { Admin } from '@platformatic/kafka';
import type { Connection } from '@platformatic/kafka';
import type { KafkaConnection, KafkaSasl } from './connection.ts';

/** The client for questions about the cluster and for its administration (kafkajs' own admin knows no topic ids and no
 *  SCRAM users, and resets every configuration key that it isn't given). Opens no connection yet; `close()` it. */
export function createKafkaAdmin(connection: KafkaConnection): Admin {
  return new Admin({
    clientId: connection.clientId,
    bootstrapBrokers: [...connection.brokers],
    ...toTransport(connection),
    timeout: 15_000,
    connectTimeout: 5_000,
    requestTimeout: connection.requestTimeoutMs ?? 10_000,
    // Retrying is the caller's decision, and it knows when to stop.
    retries: 0,
  });
}

/** TLS and SASL as @platformatic/kafka wants them. */
export function toTransport({ ssl, sasl }: Pick<KafkaConnection, 'ssl' | 'sasl'>) {
  return { ...(ssl && { tls: {} }), ...(sasl && { sasl: toSaslOptions(sasl) }) };
}

function toSaslOptions({ mechanism, username, password }: KafkaSasl) {
  const mechanisms = {
    'scram-sha-256': 'SCRAM-SHA-256',
    'scram-sha-512': 'SCRAM-SHA-512',
    plain: 'PLAIN',
  } as const;
  return { mechanism: mechanisms[mechanism], username, password };
}

/** A connection of `admin`'s own to any broker that answers, for requests it has no method for. Not to be closed. */
export async function anyBroker(admin: Admin): Promise<Connection> {
  const { brokers } = await admin.metadata({ topics: [] });
  return admin.connections.getFirstAvailable([...brokers.values()]);
}
