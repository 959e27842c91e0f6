import type { ISocketFactory } from 'kafkajs';

/** How to reach the cluster and as whom. */
export interface KafkaConnection {
  /** `host:port` */
  readonly brokers: readonly string[];
  readonly sasl?: KafkaSasl | undefined;
  readonly ssl: boolean;
  readonly clientId: string;
  /** How long an answer may take before its connection counts as dead. */
  readonly requestTimeoutMs?: number;
  /** Another way to a broker than a plain connection, such as a tunnel. */
  readonly socketFactory?: ISocketFactory;
}

export interface KafkaSasl {
  readonly mechanism: 'scram-sha-256' | 'scram-sha-512' | 'plain';
  readonly username: string;
  readonly password: string;
}
