import type { Buffer } from 'node:buffer';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UsageError } from '../domain/errors.ts';
import type { TraceExport } from '../ports.ts';
import { readProviderSettings } from './provider-settings.ts';
import type { ProviderApiSettings } from './provider-settings.ts';
import {
  crashAt,
  directories,
  file,
  flag,
  hostList,
  oneOf,
  port,
  secretKey,
  text,
  url,
  wholeNumber,
} from './setting-types.ts';
import { readTraceSettings, TRACE_SETTING_NAMES } from './trace-settings.ts';

export type { ProviderApiSettings } from './provider-settings.ts';

export interface Settings {
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  readonly topicsFile: string;
  /** Where the Avro contracts, the kinds and the migrations lie; absolute. */
  readonly schemasDirs: readonly string[];
  readonly kindsDirs: readonly string[];
  readonly migrationsDirs: readonly string[];
  readonly databaseUrl: string;
  /** Events of one provider that may wait for Kafka, and how old the oldest of them may be, before edits are refused. */
  readonly outboxMaxWaiting: number;
  readonly outboxMaxAgeHours: number;
  /** What the database may take up before edits are refused and partitions wait. */
  readonly databaseMaxMb: number | undefined;
  readonly kafkaBrokers: readonly string[];
  readonly kafkaSasl: KafkaSasl | undefined;
  readonly kafkaSsl: boolean;
  /** A topic stops at so many bad records among so many of its last ones. */
  readonly topicFuseBad: number;
  readonly topicFuseWindow: number;
  /** How long Kafka waits for a silent consumer before it gives its partitions to another. */
  readonly kafkaSessionTimeoutSeconds: number;
  /** How long a partition may stand still, with records waiting and no known reason, before `/health/live` fails. */
  readonly stallAfterSeconds: number;
  readonly schemaRegistryUrl: string;
  readonly schemaRegistryUsername: string | undefined;
  readonly schemaRegistryPassword: string | undefined;
  readonly httpHost: string;
  readonly httpPort: number;
  /** Per API key, and per address without a valid one. */
  readonly httpRequestsPerMinute: number;
  /** How often lag is measured. */
  readonly lagSampleSeconds: number;
  /** How long something may stand still before its verdict says so. */
  readonly lagPatienceSeconds: number;
  /** Where a running bridge is asked, when not at its own HTTP_HOST and HTTP_PORT. */
  readonly bridgeUrl: string | undefined;
  readonly bridgeApiKey: string | undefined;
  /** At least 32 bytes. */
  readonly eventSigningKey: Buffer;
  /** States older than this may be emptied from the history. */
  readonly pruneAfterDays: number;
  /** How long an edit of ours may be on its way before a provider that lacks it is told again. */
  readonly republishGraceSeconds: number;
  /** Provider id → its GET API. A provider without one is not pulled. */
  readonly providerApis: ReadonlyMap<string, ProviderApiSettings>;
  /** The Kafka user that `bridge topics apply` creates for the bridge. */
  /** For the crash matrix alone. */
  readonly crashAt: CrashSettings | undefined;
  readonly bridgeKafkaUsername: string;
  readonly bridgeKafkaPassword: string;
  /** Provider id → the password of the Kafka user that `bridge topics apply` creates for it. */
  readonly providerKafkaPasswords: ReadonlyMap<string, string>;
  /** How traces leave; undefined when they don't. */
  readonly traceExport: TraceExport | undefined;
}

export interface KafkaSasl {
  readonly mechanism: 'scram-sha-256' | 'scram-sha-512' | 'plain';
  readonly username: string;
  readonly password: string;
}

/** Where a process of the crash matrix ends itself. */
export interface CrashSettings {
  readonly signal: 'SIGKILL' | 'SIGTERM';
  readonly point: string;
  /** 1 for the first time that the point is reached. */
  readonly passage: number;
}

/** What each group holds. A command demands only the groups that it needs. */
interface GroupFields {
  database: 'databaseUrl' | 'pruneAfterDays' | 'outboxMaxWaiting' | 'outboxMaxAgeHours' | 'databaseMaxMb';
  kafka:
    | 'kafkaBrokers'
    | 'kafkaSasl'
    | 'kafkaSsl'
    | 'kafkaSessionTimeoutSeconds'
    | 'stallAfterSeconds'
    | 'topicFuseBad'
    | 'topicFuseWindow';
  registry: 'schemaRegistryUrl' | 'schemaRegistryUsername' | 'schemaRegistryPassword';
  http: 'httpHost' | 'httpPort' | 'httpRequestsPerMinute' | 'lagSampleSeconds' | 'lagPatienceSeconds';
  client: 'bridgeUrl' | 'bridgeApiKey';
  signing: 'eventSigningKey';
  providers: 'providerApis' | 'republishGraceSeconds';
  crash: 'crashAt';
  provisioning: 'bridgeKafkaUsername' | 'bridgeKafkaPassword' | 'providerKafkaPasswords';
  tracing: 'traceExport';
}
type AlwaysThere = 'logLevel' | 'topicsFile' | 'schemasDirs' | 'kindsDirs' | 'migrationsDirs';

export type SettingGroup = keyof GroupFields;
export type SettingsOf<Group extends SettingGroup> = Pick<Settings, AlwaysThere | GroupFields[Group]>;

/** Where the program's own files lie, wherever it is started from. */
const home = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

const always = z.object({
  LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent').default('info'),
  TOPICS_FILE: file.default(home('topics.yaml')),
  SCHEMAS_DIRS: directories.default([home('schemas')]),
  KINDS_DIRS: directories.default([home('src/domain')]),
  MIGRATIONS_DIRS: directories.default([home('prisma/migrations')]),
});
const groups = {
  database: z.object({
    DATABASE_URL: url('postgresql', 'postgres'),
    PRUNE_AFTER_DAYS: wholeNumber(1, 36_500).default(90),
    OUTBOX_MAX_WAITING: wholeNumber(1, 100_000_000).default(50_000),
    OUTBOX_MAX_AGE_HOURS: wholeNumber(1, 8_760).default(72),
    DATABASE_MAX_MB: wholeNumber(1, 100_000_000).optional(),
  }),
  kafka: z.object({
    KAFKA_BROKERS: hostList,
    KAFKA_SSL: flag.default(false),
    KAFKA_SASL_MECHANISM: oneOf('scram-sha-256', 'scram-sha-512', 'plain').optional(),
    KAFKA_SASL_USERNAME: text.optional(),
    KAFKA_SASL_PASSWORD: text.optional(),
    TOPIC_FUSE_BAD: wholeNumber(1, 10_000).default(20),
    TOPIC_FUSE_WINDOW: wholeNumber(1, 10_000).default(50),
    KAFKA_SESSION_TIMEOUT_SECONDS: wholeNumber(6, 1_800).default(15),
    STALL_AFTER_SECONDS: wholeNumber(3, 86_400).default(120),
  }),
  registry: z.object({
    SCHEMA_REGISTRY_URL: url('http', 'https'),
    SCHEMA_REGISTRY_USERNAME: text.optional(),
    SCHEMA_REGISTRY_PASSWORD: text.optional(),
  }),
  http: z.object({
    HTTP_HOST: text.default('127.0.0.1'),
    HTTP_PORT: port.default(8080),
    HTTP_REQUESTS_PER_MINUTE: wholeNumber(1, 100_000_000).default(600),
    LAG_SAMPLE_SECONDS: wholeNumber(1, 60).default(10),
    LAG_PATIENCE_SECONDS: wholeNumber(1, 3_600).default(60),
  }),
  client: z.object({ BRIDGE_URL: url('http', 'https').optional(), BRIDGE_API_KEY: text.optional() }),
  signing: z.object({ EVENT_SIGNING_KEY: secretKey }),
  providers: z.object({ REPUBLISH_GRACE_SECONDS: wholeNumber(1, 86_400).default(60) }),
  crash: z.object({ CRASH_AT: crashAt.optional() }),
  provisioning: z.object({ BRIDGE_KAFKA_USERNAME: text.default('bridge'), BRIDGE_KAFKA_PASSWORD: text }),
  tracing: z.object({}),
} as const satisfies Record<SettingGroup, z.ZodObject>;

/** What to do about a fault, by variable; `SETTING_NAMES` below is checked against `.env.example`. */
const remedies: Readonly<Record<string, string>> = {
  LOG_LEVEL: 'set it to info, or leave it out',
  TOPICS_FILE: 'set it to the path of topics.yaml, or leave it out',
  SCHEMAS_DIRS: 'set it to directories of Avro schemas separated by ":", or leave it out',
  KINDS_DIRS: 'set it to directories of entity kinds separated by ":", or leave it out',
  MIGRATIONS_DIRS: 'set it to directories of migrations separated by ":", or leave it out',
  DATABASE_URL: 'set it to postgresql://user:password@host:5432/database',
  PRUNE_AFTER_DAYS: 'set it to a number of days, or leave it out for 90',
  OUTBOX_MAX_WAITING: 'set it to a number of events, or leave it out for 50000',
  OUTBOX_MAX_AGE_HOURS: 'set it to a number of hours, or leave it out for 72',
  DATABASE_MAX_MB: 'set it to the megabytes that the database may take up, or leave it out for no limit',
  KAFKA_BROKERS: 'set it to host:9092, or several separated by commas',
  KAFKA_SSL: 'set it to true when the brokers speak TLS, or leave it out',
  KAFKA_SASL_MECHANISM: 'set it to scram-sha-256, or leave it out',
  KAFKA_SASL_USERNAME:
    'set it to the Kafka user of the bridge, or leave out the password and the mechanism too',
  KAFKA_SASL_PASSWORD: 'set it to the password of that user, or leave out the user and the mechanism too',
  TOPIC_FUSE_BAD: 'set it to a number of records, at most TOPIC_FUSE_WINDOW, or leave it out for 20',
  TOPIC_FUSE_WINDOW: 'set it to a number of records, or leave it out for 50',
  KAFKA_SESSION_TIMEOUT_SECONDS:
    "set it to a number of seconds within the brokers' group.min and group.max.session.timeout.ms, or leave it out for 15",
  STALL_AFTER_SECONDS: 'set it to a number of seconds, or leave it out for 120',
  SCHEMA_REGISTRY_URL: 'set it to the address of the Confluent-compatible API, such as http://host:8081',
  SCHEMA_REGISTRY_USERNAME: 'set it to the user of the registry, or leave out its password too',
  SCHEMA_REGISTRY_PASSWORD: 'set it to the password of that user, or leave out the user too',
  HTTP_HOST: 'set it to the address to listen on, or leave it out for 127.0.0.1',
  HTTP_PORT: 'set it to a free port, or leave it out for 8080',
  HTTP_REQUESTS_PER_MINUTE: 'set it to a number of requests, or leave it out for 600',
  LAG_PATIENCE_SECONDS: 'set it to a number of seconds, or leave it out for 60',
  LAG_SAMPLE_SECONDS: 'set it to a number of seconds up to 60, or leave it out for 10',
  BRIDGE_URL:
    'set it to the address of a running bridge, or leave it out for its own HTTP_HOST and HTTP_PORT',
  BRIDGE_API_KEY: 'set it to a key made by bridge keys create, or leave it out',
  EVENT_SIGNING_KEY: 'generate one with: openssl rand -hex 32',
  REPUBLISH_GRACE_SECONDS: 'set it to a number of seconds, or leave it out for 60',
  CRASH_AT: 'leave it out: it is for the crash matrix alone',
  BRIDGE_KAFKA_USERNAME: 'set it to the Kafka user to create for the bridge, or leave it out for bridge',
  BRIDGE_KAFKA_PASSWORD: 'set it to the password of the Kafka user to create for the bridge',
};

/** Every variable with a fixed name; those of providers are in `PROVIDER_SETTING_SUFFIXES`. */
export const SETTING_NAMES: readonly string[] = [...Object.keys(remedies), ...TRACE_SETTING_NAMES];

/** The settings of the named groups, frozen. Throws one UsageError that names every fault, a line each, and never a
 *  value. An empty variable counts as absent. Opens no connection and no file. */
export function parseSettings<const Group extends SettingGroup>(
  env: NodeJS.ProcessEnv,
  needs: readonly Group[],
): SettingsOf<Group> {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const faults: string[] = [];
  const needed = needs as readonly SettingGroup[];

  const variables = needed.reduce(
    (shape, group) => ({ ...shape, ...groups[group].shape }),
    always.shape as z.ZodRawShape,
  );
  const parsed = z.object(variables).safeParse(given);
  if (!parsed.success)
    faults.push(...parsed.error.issues.map((issue) => fault(String(issue.path[0]), issue.message)));
  if (needed.includes('kafka')) faults.push(...saslFaults(given));
  if (needed.includes('kafka') && parsed.success) faults.push(...fuseFaults(parsed.data));
  if (needed.includes('registry'))
    faults.push(...pairFaults(given, 'SCHEMA_REGISTRY_USERNAME', 'SCHEMA_REGISTRY_PASSWORD'));
  const providers = readProviderSettings(given);
  if (needed.includes('providers')) faults.push(...providers.apiFaults);
  if (needed.includes('provisioning')) faults.push(...providers.passwordFaults);
  const traces = readTraceSettings(given);
  if (needed.includes('tracing')) faults.push(...traces.faults);

  if (faults.length > 0 || !parsed.success) {
    throw new UsageError(
      `the settings are not complete:\n${[...new Set(faults)].map((line) => `  ${line}`).join('\n')}`,
    );
  }
  return Object.freeze({
    ...toSettings(parsed.data, needed, providers),
    ...(needed.includes('tracing') ? { traceExport: traces.traceExport } : {}),
  }) as SettingsOf<Group>;
}

function toSettings(
  value: Readonly<Record<string, unknown>>,
  needed: readonly SettingGroup[],
  providers: ReturnType<typeof readProviderSettings>,
): Partial<Settings> {
  const settings: Record<string, unknown> = {};
  for (const [name, parsed] of Object.entries(value)) {
    if (!name.startsWith('KAFKA_SASL_')) settings[camelCase(name)] = parsed;
  }
  if (needed.includes('kafka')) settings['kafkaSasl'] = toSasl(value);
  if (needed.includes('providers')) settings['providerApis'] = providers.apis;
  if (needed.includes('provisioning')) settings['providerKafkaPasswords'] = providers.kafkaPasswords;
  return settings;
}

function toSasl(value: Readonly<Record<string, unknown>>): KafkaSasl | undefined {
  if (value['KAFKA_SASL_USERNAME'] === undefined) return undefined;
  return Object.freeze({
    mechanism: (value['KAFKA_SASL_MECHANISM'] ?? 'scram-sha-256') as KafkaSasl['mechanism'],
    username: value['KAFKA_SASL_USERNAME'] as string,
    password: value['KAFKA_SASL_PASSWORD'] as string,
  });
}

function saslFaults(given: Readonly<Record<string, unknown>>): readonly string[] {
  const faults = pairFaults(given, 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD');
  const onlyMechanism =
    given['KAFKA_SASL_MECHANISM'] !== undefined &&
    given['KAFKA_SASL_USERNAME'] === undefined &&
    given['KAFKA_SASL_PASSWORD'] === undefined;
  return onlyMechanism
    ? [fault('KAFKA_SASL_USERNAME', 'is missing'), fault('KAFKA_SASL_PASSWORD', 'is missing')]
    : faults;
}

/** A window in which there is no room for so many bad records would never stop anything. */
function fuseFaults(value: Readonly<Record<string, unknown>>): readonly string[] {
  return Number(value['TOPIC_FUSE_BAD']) > Number(value['TOPIC_FUSE_WINDOW'])
    ? [fault('TOPIC_FUSE_BAD', 'is more than TOPIC_FUSE_WINDOW')]
    : [];
}

/** One half of a user and password pair without the other. */
function pairFaults(
  given: Readonly<Record<string, unknown>>,
  user: string,
  password: string,
): readonly string[] {
  if (given[user] !== undefined && given[password] === undefined) return [fault(password, 'is missing')];
  if (given[user] === undefined && given[password] !== undefined) return [fault(user, 'is missing')];
  return [];
}

function fault(name: string, wrong: string): string {
  return `${name} ${wrong}: ${remedies[name]}`;
}

/** `KAFKA_SSL` → `kafkaSsl` */
function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
