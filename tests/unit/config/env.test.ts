import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseSettings, SETTING_NAMES } from '../../../src/config/env.ts';
import type { SettingGroup } from '../../../src/config/env.ts';
import { PROVIDER_SETTING_SUFFIXES } from '../../../src/config/provider-settings.ts';
import { UsageError } from '../../../src/domain/errors.ts';

const everything = [
  'database',
  'kafka',
  'registry',
  'http',
  'signing',
  'providers',
  'provisioning',
  'tracing',
] as const;

function setup() {
  const env = {
    DATABASE_URL: 'postgresql://bridge:pw-database@db:5432/eassurance',
    KAFKA_BROKERS: 'k1:9092, k2:9092',
    KAFKA_SASL_USERNAME: 'bridge',
    KAFKA_SASL_PASSWORD: 'pw-kafka',
    SCHEMA_REGISTRY_URL: 'http://registry:8081',
    EVENT_SIGNING_KEY: 'ab'.repeat(32),
    BRIDGE_KAFKA_PASSWORD: 'pw-bridge',
    PROVIDER_SAA_API_URL: 'https://saa.example',
    PROVIDER_SAA_API_KEY: 'pw-saa',
    PROVIDER_SAA_KAFKA_PASSWORD: 'pw-saa-kafka',
  };
  return { env };
}

function refusal(env: NodeJS.ProcessEnv, needs: readonly SettingGroup[]): string {
  try {
    parseSettings(env, needs);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('parseSettings', () => {
  it('turns the environment into typed, frozen settings', () => {
    const settings = parseSettings(setup().env, everything);
    expect(settings).toMatchObject({
      kafkaBrokers: ['k1:9092', 'k2:9092'],
      kafkaSasl: { mechanism: 'scram-sha-256', username: 'bridge', password: 'pw-kafka' },
      kafkaSsl: false,
      httpHost: '127.0.0.1',
      httpPort: 8080,
      httpRequestsPerMinute: 600,
      logLevel: 'info',
      schemaRegistryUrl: 'http://registry:8081',
      bridgeKafkaUsername: 'bridge',
    });
    expect(settings.eventSigningKey).toHaveLength(32);
    expect(settings.providerApis).toEqual(
      new Map([['saa', { url: 'https://saa.example', apiKey: 'pw-saa', apiKeyNext: undefined }]]),
    );
    expect(settings.providerKafkaPasswords).toEqual(new Map([['saa', 'pw-saa-kafka']]));
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('demands only the groups that a command needs', () => {
    const { DATABASE_URL } = setup().env;
    expect(parseSettings({ DATABASE_URL }, ['database']).databaseUrl).toBe(DATABASE_URL);
    expect(refusal({ DATABASE_URL }, ['database', 'kafka'])).toContain('KAFKA_BROKERS is missing');
  });

  it('reports every fault at once, a line each, with what to do', () => {
    const message = refusal(
      {
        DATABASE_URL: 'mysql://db',
        KAFKA_BROKERS: 'broker-without-port',
        HTTP_PORT: '70000',
        PRUNE_AFTER_DAYS: 'soon',
        REPUBLISH_GRACE_SECONDS: '0',
        LOG_LEVEL: 'loud',
        EVENT_SIGNING_KEY: 'too-short',
      },
      ['database', 'kafka', 'http', 'signing', 'registry', 'providers'],
    );
    const lines = message.split('\n').slice(1);
    expect(lines.map((line) => line.trim().split(' ')[0]).sort()).toEqual([
      'DATABASE_URL',
      'EVENT_SIGNING_KEY',
      'HTTP_PORT',
      'KAFKA_BROKERS',
      'LOG_LEVEL',
      'PRUNE_AFTER_DAYS',
      'REPUBLISH_GRACE_SECONDS',
      'SCHEMA_REGISTRY_URL',
    ]);
    for (const line of lines) expect(line).toMatch(/: (set|generate) /);
  });

  it('never repeats a value, which may be a secret', () => {
    const secret = 'hunter2-hunter2';
    const env = Object.fromEntries(Object.keys(setup().env).map((name) => [name, secret]));
    expect(refusal(env, everything)).not.toContain(secret);
  });

  it('counts an empty variable as absent', () => {
    expect(refusal({ DATABASE_URL: '' }, ['database'])).toContain('DATABASE_URL is missing');
    expect(parseSettings({ LOG_LEVEL: '' }, []).logLevel).toBe('info');
  });

  it.each([
    [{ KAFKA_SASL_USERNAME: 'bridge' }, 'KAFKA_SASL_PASSWORD is missing'],
    [{ KAFKA_SASL_PASSWORD: 'pw' }, 'KAFKA_SASL_USERNAME is missing'],
    [{ KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_SASL_USERNAME is missing'],
    [
      { KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p', KAFKA_SASL_MECHANISM: 'md5' },
      'KAFKA_SASL_MECHANISM is none of',
    ],
  ])('refuses half a Kafka login: %o', (sasl, said) => {
    expect(refusal({ KAFKA_BROKERS: 'k:9092', ...sasl }, ['kafka'])).toContain(said);
  });

  it('accepts a signing key in base64 as well as in hex', () => {
    const key = Buffer.alloc(32, 7);
    for (const EVENT_SIGNING_KEY of [key.toString('hex'), key.toString('base64')]) {
      expect(parseSettings({ EVENT_SIGNING_KEY }, ['signing']).eventSigningKey).toEqual(key);
    }
  });

  it.each([
    [{ PROVIDER_SAA_API_URL: 'https://saa.example' }, 'PROVIDER_SAA_API_KEY is missing'],
    [{ PROVIDER_SAA_API_KEY: 'pw' }, 'PROVIDER_SAA_API_URL is missing'],
    [{ PROVIDER_SAA_API_KEY_NEXT: 'pw' }, 'PROVIDER_SAA_API_KEY is missing'],
    [{ PROVIDER_SAA_APIKEY: 'pw' }, 'PROVIDER_SAA_APIKEY is not a known setting'],
  ])('refuses an incomplete or mistyped provider: %o', (env, said) => {
    expect(refusal(env, ['providers'])).toContain(said);
  });
});

describe('the settings of traces', () => {
  const traces = (env: NodeJS.ProcessEnv) => parseSettings(env, ['tracing']).traceExport;

  it.each<[string, NodeJS.ProcessEnv]>([
    ['without a variable', {}],
    ['with variables that say only how', { OTEL_SERVICE_NAME: 'b', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
    ['disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'TRUE' }],
    ['with no exporter', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }],
  ])('are none %s', (_, env) => {
    expect(traces(env)).toBeUndefined();
  });

  it.each<[NodeJS.ProcessEnv, object]>([
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' },
      { exporter: 'otlp', protocol: 'http/protobuf', sampler: 'parentbased_always_on' },
    ],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://c/v1/traces' }, { exporter: 'otlp' }],
    [{ OTEL_TRACES_EXPORTER: 'console' }, { exporter: 'console' }],
    [
      {
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.25',
        OTEL_BSP_SCHEDULE_DELAY: '100',
      },
      { protocol: 'http/json', sampler: 'traceidratio', sampledShare: 0.25, scheduleDelayMs: 100 },
    ],
  ])('come from the standard variables: %j', (env, expected) => {
    expect(traces(env)).toMatchObject(expected);
  });

  it('name every fault and its remedy', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER_ARG: '10%',
    };
    const said = refusal(env, ['tracing']);
    expect(said).toMatch(
      /OTEL_EXPORTER_OTLP_ENDPOINT is not an address .*: set it to the collector's address/,
    );
    expect(said).toMatch(/OTEL_EXPORTER_OTLP_PROTOCOL is none of http\/protobuf, http\/json: /);
    expect(said).toMatch(/OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1: /);
  });
});

describe('.env.example', () => {
  const example = readFileSync(path.join(import.meta.dirname, '../../../.env.example'), 'utf8');
  const uncommented = parseEnv(example.replaceAll(/^#(?=[A-Z])/gm, ''));

  it('lists exactly the settings that the parser knows', () => {
    const providers = PROVIDER_SETTING_SUFFIXES.map((suffix) => `PROVIDER_SAA_${suffix}`);
    expect(Object.keys(uncommented).sort()).toEqual([...SETTING_NAMES, ...providers].sort());
  });

  it('is accepted once its secrets are filled in, commented lines or not', () => {
    for (const text of [parseEnv(example), uncommented]) {
      const filled = Object.fromEntries(
        Object.entries(text).map(([name, value]) => [name, value || 'ab'.repeat(32)]),
      );
      expect(() => parseSettings(filled, everything)).not.toThrow();
    }
  });

  it('shows the defaults in its commented lines', () => {
    const {
      KAFKA_SSL,
      HTTP_HOST,
      HTTP_PORT,
      HTTP_REQUESTS_PER_MINUTE,
      LOG_LEVEL,
      TOPICS_FILE,
      SCHEMAS_DIRS,
      KINDS_DIRS,
      MIGRATIONS_DIRS,
    } = uncommented;
    const commented = {
      KAFKA_SSL,
      HTTP_HOST,
      HTTP_PORT,
      HTTP_REQUESTS_PER_MINUTE,
      LOG_LEVEL,
      TOPICS_FILE,
      SCHEMAS_DIRS,
      KINDS_DIRS,
      MIGRATIONS_DIRS,
    };
    const { env } = setup();
    expect(parseSettings({ ...env, ...commented }, everything)).toEqual(parseSettings(env, everything));
  });

  it('arms a crash point only when CRASH_AT says so in full', () => {
    const at = (CRASH_AT?: string) => parseSettings({ CRASH_AT }, ['crash']).crashAt;
    expect(at()).toBeUndefined();
    expect(at('SIGKILL relay:sent')).toEqual({ signal: 'SIGKILL', point: 'relay:sent', passage: 1 });
    expect(at('SIGTERM relay:sent 2')).toEqual({ signal: 'SIGTERM', point: 'relay:sent', passage: 2 });
    for (const wrong of ['relay:sent', 'true', 'SIGHUP relay:sent', 'SIGKILL relay:sent 0'])
      expect(refusal({ CRASH_AT: wrong }, ['crash'])).toContain('CRASH_AT');
  });
});
