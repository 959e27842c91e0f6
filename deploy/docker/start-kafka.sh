#!/bin/bash
# Starts one Kafka node in the image apache/kafka as the embedded one is started: KRaft, SCRAM-SHA-256 and ACLs on.
# Used by docker-compose.kafka.yml and by the tests when they run on containers.
#   KAFKA_ADMIN_PASSWORD   of the super user `admin`, made when the storage is first formatted
#   KAFKA_HOST_PORT        port on which clients outside Docker reach the listener on 9094
set -euo pipefail
: "${KAFKA_ADMIN_PASSWORD:?is missing: set it to a password for the Kafka user admin}"
: "${KAFKA_HOST_PORT:?is missing: set it to the published port}"

kafka_home=${KAFKA_HOME:-/opt/kafka}
data=${KAFKA_DATA_DIR:-/var/lib/kafka/data}
config=${KAFKA_CONFIG_FILE:-/tmp/server.properties}
jaas="org.apache.kafka.common.security.scram.ScramLoginModule required username=\"admin\" password=\"$KAFKA_ADMIN_PASSWORD\";"

umask 077
cat > "$config" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=CLIENT://:9092,HOST://:9094,CONTROLLER://localhost:9093
advertised.listeners=CLIENT://${KAFKA_HOST_NAME:-localhost}:9092,HOST://127.0.0.1:$KAFKA_HOST_PORT
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,HOST:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
sasl.enabled.mechanisms=SCRAM-SHA-256
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-256
listener.name.client.scram-sha-256.sasl.jaas.config=$jaas
listener.name.host.scram-sha-256.sasl.jaas.config=$jaas
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
log.dirs=$data
log.message.timestamp.type=LogAppendTime
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
PROPERTIES

# For the health check and for people: kafka-topics.sh --command-config /tmp/admin.properties …
cat > "${KAFKA_ADMIN_CONFIG_FILE:-/tmp/admin.properties}" <<PROPERTIES
security.protocol=SASL_PLAINTEXT
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=$jaas
PROPERTIES

if [ ! -f "$data/meta.properties" ]; then
  cluster_id=$("$kafka_home/bin/kafka-storage.sh" random-uuid)
  "$kafka_home/bin/kafka-storage.sh" format -t "$cluster_id" -c "$config" \
    --add-scram "SCRAM-SHA-256=[name=admin,password=$KAFKA_ADMIN_PASSWORD]"
fi
exec "$kafka_home/bin/kafka-server-start.sh" "$config"
