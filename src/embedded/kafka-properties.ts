export interface KafkaNode {
  readonly nodeId: number;
  readonly clientPort: number;
  /** Null: a broker alone, whose end leaves the controllers their majority. */
  readonly controllerPort: number | null;
  readonly dataDir: string;
}
export interface KafkaAdmin {
  readonly username: string;
  readonly password: string;
}

/** server.properties of one node of a cluster: a broker, and a controller too if it has a port for that. Clients must log in with
 *  SCRAM-SHA-256 and may do what an ACL allows, nothing else; only the controllers' own listener is plain, and all
 *  listeners are on the loopback interface. `cluster` lists all nodes, this one included. */
export function kafkaProperties(
  node: KafkaNode,
  cluster: readonly Omit<KafkaNode, 'dataDir'>[],
  admin: KafkaAdmin,
): string {
  const replication = Math.min(cluster.length, 3);
  const voters = cluster.flatMap(({ nodeId, controllerPort }) =>
    controllerPort === null ? [] : [`${nodeId}@127.0.0.1:${controllerPort}`],
  );
  const client = `CLIENT://127.0.0.1:${node.clientPort}`;
  const properties = {
    'process.roles': node.controllerPort === null ? 'broker' : 'broker,controller',
    'node.id': node.nodeId,
    'controller.quorum.voters': voters.join(','),
    listeners:
      node.controllerPort === null ? client : `${client},CONTROLLER://127.0.0.1:${node.controllerPort}`,
    'advertised.listeners': client,
    'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'sasl.enabled.mechanisms': 'SCRAM-SHA-256',
    'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-256',
    'listener.name.client.scram-sha-256.sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required username="${admin.username}" password="${admin.password}";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // ANONYMOUS is who the controllers are to each other on their plain listener.
    'super.users': `User:${admin.username};User:ANONYMOUS`,
    'allow.everyone.if.no.acl.found': false,
    'auto.create.topics.enable': false,
    'log.dirs': node.dataDir,
    // The producer's clock decides nothing, not even on a topic that somebody made by hand.
    'log.message.timestamp.type': 'LogAppendTime',
    'default.replication.factor': replication,
    'offsets.topic.replication.factor': replication,
    // One is enough for a handful of groups, and one answer tells that the coordinator is there for all of them.
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': replication,
    'transaction.state.log.min.isr': Math.min(replication, 2),
    'transaction.state.log.num.partitions': 10,
    'share.coordinator.state.topic.replication.factor': replication,
    'share.coordinator.state.topic.min.isr': Math.min(replication, 2),
    'group.initial.rebalance.delay.ms': 0,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
