/** How to reach the cluster and as whom. */
export interface KafkaConnection {
  /** `host:port` */
  readonly brokers: readonly string[];
  readonly sasl?: KafkaSasl | undefined;
  readonly ssl: boolean;
  readonly clientId: string;
}

export interface KafkaSasl {
  readonly mechanism: 'scram-sha-256' | 'scram-sha-512' | 'plain';
  readonly username: string;
  readonly password: string;
}
