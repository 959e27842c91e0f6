import { randomUUID } from 'node:crypto';
import path from 'node:path';
import axios from 'axios';
import pg from 'pg';
import { pino } from 'pino';
import { inject } from 'vitest';
import { avroType } from '../../../src/avro/avro-types.ts';
import { composeSchema, readSchemas } from '../../../src/avro/compose-schemas.ts';
import { createPlatform } from '../../../src/simulator/create-platform.ts';
import type { Platform, PlatformSettings } from '../../../src/simulator/create-platform.ts';
import type { JsonObject } from '../../../src/simulator/json.ts';
import type { Revision } from '../../../src/simulator/revision.ts';
import { createSampleData } from '../../../src/simulator/sample-data.ts';
import type { SampleData } from '../../../src/simulator/sample-data.ts';
import { freshProviderId } from '../../support/fresh-provider.ts';
import { waitFor } from '../../support/wait-for.ts';
import { allowPrefix, createTopics, createUser, kafkaClient } from '../../support/kafka-admin.ts';

const SCHEMAS = path.resolve(import.meta.dirname, '../../../schemas');
const NAMESPACE = 'dz.eassurance.events.v1';
const RECORDS: Readonly<Record<string, string>> = {
  'constat.created': 'ConstatCreated',
  'constat.updated': 'ConstatUpdated',
  'vehicle.verified': 'VehicleVerified',
  'policy.updated': 'PolicyUpdated',
  'claim.created': 'ClaimCreated',
  'claim.processed': 'ClaimProcessed',
};

export interface HubEvent {
  readonly eventType: string;
  readonly id: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  readonly eventId?: string;
}

export interface PlatformBed {
  readonly platform: Platform;
  readonly settings: PlatformSettings;
  readonly sample: SampleData;
  readonly db: pg.Pool;
  /** Publishes as E-assurance does: its own encoder, as the cluster's super user. */
  publishAsHub(event: HubEvent): Promise<string>;
  /** Reads one record's value with the contract, as E-assurance would. */
  decode(eventType: string, value: Buffer): { meta: JsonObject } & JsonObject;
  send(eventType: string, key: string, value: Buffer): Promise<void>;
  /** Stops the platform, waits for `run`, drops its database. */
  close(): Promise<void>;
}

/** A platform of its own: fresh provider id, topics, schemas, Kafka user with the provider's ACLs only, and database. */
export async function setup(change: Partial<PlatformSettings> = {}): Promise<PlatformBed> {
  const providerId = freshProviderId();
  const { book } = readSchemas([SCHEMAS]);
  const schemaIds = await registerContracts(providerId, book);
  // A new topic is unknown to a broker for a moment; asking again for one that exists does nothing.
  await waitFor('the topics', async () => {
    await createTopics(
      Object.keys(RECORDS).map((type) => `${providerId}-${type}`),
      { partitions: 3 },
    );
    return true;
  });
  const login = { username: providerId, password: randomUUID() };
  await createUser(login);
  await allowPrefix(providerId, 'topic', `${providerId}-`, ['READ', 'WRITE', 'DESCRIBE']);
  await allowPrefix(providerId, 'group', `${providerId}-`, ['READ', 'DESCRIBE']);

  const databaseUrl = new URL(inject('databaseUrl'));
  databaseUrl.pathname = `/platform_${providerId}`;
  const settings: PlatformSettings = {
    providerId,
    databaseUrl: databaseUrl.href,
    brokers: inject('kafkaBrokers'),
    sasl: { mechanism: 'scram-sha-256', ...login },
    registryUrl: inject('registryUrl'),
    schemasDir: SCHEMAS,
    apiKeys: ['key-in-use', 'key-to-come'],
    agentKey: 'agent',
    port: 0,
    log: pino({ level: 'silent' }),
    ...change,
  };
  const platform = await createPlatform(settings);
  const stop = new AbortController();
  const running = platform.run(stop.signal);
  await Promise.race([platform.ready, running]);
  const producer = kafkaClient().producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const db = new pg.Pool({ connectionString: databaseUrl.href, max: 2 });

  const send = async (eventType: string, key: string, value: Buffer): Promise<void> => {
    await producer.send({ topic: `${providerId}-${eventType}`, acks: -1, messages: [{ key, value }] });
  };

  return {
    platform,
    settings,
    db,
    sample: createSampleData({ seed: 7, providerId, today: '2026-01-15' }),
    async publishAsHub({ eventType, id, revision, state, eventId = randomUUID() }) {
      const kind = eventType.split('.')[0]!;
      const meta = {
        ...{ eventId, eventType, providerId, origin: 'eassurance', entityType: kind, entityId: id, revision },
        ...{
          occurredAt: new Date().toISOString(),
          correlationId: null,
          causationId: null,
          actor: 'USER',
          replay: false,
        },
      };
      const type = avroType(composeSchema(book, `${NAMESPACE}.${RECORDS[eventType]!}`));
      const header = Buffer.alloc(5);
      header.writeInt32BE(schemaIds.get(eventType)!, 1);
      const body = type.toBuffer({ meta, [kind]: state, changedFields: [], changeReason: null });
      await send(eventType, id, Buffer.concat([header, body]));
      return eventId;
    },
    decode(eventType, value) {
      return avroType(composeSchema(book, `${NAMESPACE}.${RECORDS[eventType]!}`)).fromBuffer(
        value.subarray(5),
      ) as never;
    },
    send,
    async close() {
      stop.abort();
      await running.finally(() => Promise.all([platform.stop(), producer.disconnect(), db.end()]));
      await dropDatabase(databaseUrl.pathname.slice(1));
    },
  };
}

async function registerContracts(
  providerId: string,
  book: ReturnType<typeof readSchemas>['book'],
): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  for (const [eventType, record] of Object.entries(RECORDS)) {
    const schema = JSON.stringify(composeSchema(book, `${NAMESPACE}.${record}`));
    const { data } = await axios.post<{ id: number }>(
      `${inject('registryUrl')}/subjects/${providerId}-${eventType}-value/versions`,
      { schema },
    );
    ids.set(eventType, data.id);
  }
  return ids;
}

async function dropDatabase(name: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
  await client.end();
}
