"""An insurer's client in Python: reads one event of a topic, or answers it with an edit of its own.

    python python_provider.py read    prints the event as one JSON line
    python python_provider.py edit    reads it, changes one field, publishes the edit and prints that

It needs confluent-kafka, fastavro and requests. Everything else comes from the environment:

    KAFKA_BROKERS, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD   the login that E-assurance gave you
    KAFKA_SASL_MECHANISM    SCRAM-SHA-256 when left out
    KAFKA_SECURITY_PROTOCOL SASL_PLAINTEXT when left out; SASL_SSL where brokers ask for TLS
    SCHEMA_REGISTRY_URL     its Confluent-compatible API
    PROVIDER_ID             yours, e.g. saa
    WRITER_ID               your entry of a revision; PROVIDER_ID when left out
    TOPIC                   the topic to read, e.g. saa-constat.created
    ENTITY_ID               only events of this entity; any when left out
    TIMEOUT_SECONDS         30 when left out
for `edit` also:
    EDIT_TOPIC              where the edit goes, e.g. saa-constat.updated
    EDIT_FIELD              a field of the state, e.g. providerReference
    EDIT_VALUE              its new value, JSON, e.g. '"SAA-2026-17"'
"""

import io
import json
import os
import struct
import sys
import time
import uuid
from datetime import date, datetime, timezone
from decimal import Decimal

import requests
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from fastavro import parse_schema, schemaless_reader, schemaless_writer


def setting(name, default=None):
    value = os.environ.get(name, default)
    if value is None:
        sys.exit(f"{name} is missing: set it in the environment")
    return value


def kafka_login():
    return {
        "bootstrap.servers": setting("KAFKA_BROKERS"),
        "security.protocol": setting("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        "sasl.mechanism": setting("KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"),
        "sasl.username": setting("KAFKA_SASL_USERNAME"),
        "sasl.password": setting("KAFKA_SASL_PASSWORD"),
    }


def registry(path):
    answer = requests.get(setting("SCHEMA_REGISTRY_URL").rstrip("/") + path, timeout=10)
    answer.raise_for_status()
    return answer.json()


def decode(value):
    """Confluent framing: a zero byte, the schema's id (big-endian), the Avro bytes."""
    magic, schema_id = struct.unpack(">bI", value[:5])
    if magic != 0:
        raise ValueError("not in Confluent framing")
    schema = parse_schema(json.loads(registry(f"/schemas/ids/{schema_id}")["schema"]))
    return schemaless_reader(io.BytesIO(value[5:]), schema)


def encode(topic, event):
    """With the newest schema that the registry holds for the topic. Never register one yourself."""
    latest = registry(f"/subjects/{topic}-value/versions/latest")
    out = io.BytesIO()
    out.write(struct.pack(">bI", 0, latest["id"]))
    schemaless_writer(out, parse_schema(json.loads(latest["schema"])), event)
    return out.getvalue()


def read_one():
    """The newest event of the topic (of the entity, when one is named). A platform subscribes with its group instead,
    and commits an offset only after its own database has committed what came before it."""
    topic, wanted = setting("TOPIC"), os.environ.get("ENTITY_ID")
    deadline = time.monotonic() + float(setting("TIMEOUT_SECONDS", "30"))
    consumer = Consumer({**kafka_login(), "group.id": f"{setting('PROVIDER_ID')}-platform", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in partitions}
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        found = None
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                key = (message.key() or b"").decode()
                if wanted is None or key == wanted:
                    found = message
            position = {p.partition: p.offset for p in consumer.position(consumer.assignment())}
            if found is not None and all(position[p] >= end or end == 0 for p, end in ends.items()):
                return found
        sys.exit(f"nothing came on {topic} in time" if found is None else f"{topic} was not read to its end in time")
    finally:
        consumer.close()


def publish(topic, event):
    """Key = entity id, CloudEvents headers, idempotent producer; returns what Kafka acknowledged."""
    meta = event["meta"]
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(meta["eventId"]),
        "ce_source": f"urn:eassurance:{meta['origin']}",
        "ce_type": f"dz.eassurance.{meta['eventType']}.v1",
        "ce_time": meta["occurredAt"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ce_subject": str(meta["entityId"]),
        "content-type": "application/avro",
    }
    # murmur2: the partitioner of every other client. With librdkafka's own, one entity's events would lie on two partitions.
    producer = Producer({**kafka_login(), "enable.idempotence": True, "acks": "all", "partitioner": "murmur2_random"})
    delivered = []
    producer.produce(
        topic,
        key=str(meta["entityId"]),
        value=encode(topic, event),
        headers=list(headers.items()),
        on_delivery=lambda error, message: delivered.append((error, message)),
    )
    producer.flush(30)
    if not delivered or delivered[0][0] is not None:
        sys.exit(f"{topic} refused the event: {delivered[0][0] if delivered else 'no answer in time'}")
    return delivered[0][1], headers


def edited(event, topic):
    """Your edit on top of what was read: your own counter plus one, a new event id, the full state."""
    provider = setting("PROVIDER_ID")
    writer = os.environ.get("WRITER_ID", provider)
    now = datetime.now(timezone.utc)
    event_type = topic.removeprefix(f"{provider}-")
    kind = event_type.split(".")[0]
    field = setting("EDIT_FIELD")
    meta = event["meta"]
    revision = {**meta["revision"], writer: meta["revision"].get(writer, 0) + 1}
    return {
        "meta": {
            **meta,
            "eventId": uuid.uuid4(),
            "eventType": event_type,
            "origin": provider,
            "revision": revision,
            "occurredAt": now,
            "causationId": str(meta["eventId"]),
            "actor": "USER",
            "replay": False,
        },
        kind: {**event[kind], field: json.loads(setting("EDIT_VALUE")), "updatedAt": now},
        "changedFields": [f"/{field}"],
        "changeReason": None,
    }


def plain(value):
    """What JSON has no type for, as the GET API writes it."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, (date, uuid.UUID, Decimal)):
        return str(value)
    raise TypeError(f"no JSON for {type(value)}")


def show(message, headers, event):
    position = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    print(json.dumps({**position, "headers": headers, "event": event}, default=plain, ensure_ascii=False), flush=True)


def main():
    if sys.argv[1:] not in (["read"], ["edit"]):
        sys.exit(__doc__)
    message = read_one()
    headers = {name: value.decode() for name, value in message.headers() or []}
    event = decode(message.value())
    if sys.argv[1] == "edit":
        topic = setting("EDIT_TOPIC")
        event = edited(event, topic)
        message, headers = publish(topic, event)
    show(message, headers, event)


if __name__ == "__main__":
    main()
