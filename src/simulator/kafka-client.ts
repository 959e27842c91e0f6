import kafkajs from 'kafkajs';
import type { Kafka, KafkaConfig, logCreator } from 'kafkajs';
import type { Logger } from 'pino';

export interface KafkaLogin {
  readonly mechanism: 'scram-sha-256' | 'scram-sha-512' | 'plain';
  readonly username: string;
  readonly password: string;
}

export interface KafkaSettings {
  readonly brokers: readonly string[];
  /** Undefined for a cluster that asks for no login. */
  readonly sasl: KafkaLogin | undefined;
  readonly ssl?: boolean;
}

/** The platform's own client, logging into its log. */
export function createKafkaClient(settings: KafkaSettings, clientId: string, log: Logger): Kafka {
  const config: KafkaConfig = {
    clientId,
    brokers: [...settings.brokers],
    ssl: settings.ssl ?? false,
    connectionTimeout: 5_000,
    requestTimeout: 15_000,
    logCreator: logInto(log),
    ...(settings.sasl ? { sasl: settings.sasl as KafkaConfig['sasl'] } : {}),
  };
  return new kafkajs.Kafka(config);
}

/** What kafkajs calls an error is a retry more often than not, and its warnings speak to whoever wrote the code: what
 *  matters rejects, and is judged by the caller. */
function logInto(log: Logger): logCreator {
  return () =>
    ({ namespace, level, log: entry }) => {
      const { message, timestamp: _timestamp, logger: _logger, ...fields } = entry;
      const write = level <= kafkajs.logLevel.ERROR ? log.warn.bind(log) : log.debug.bind(log);
      write({ ...fields, namespace }, message);
    };
}
