import { z } from 'zod';
import type { TraceExport } from '../ports.ts';
import { oneOf, text, url, wholeNumber } from './setting-types.ts';

const HTTP = oneOf('http/protobuf', 'http/json');

/** Of these, the packages behind the export read only the endpoints by themselves. */
const variables = z.object({
  OTEL_TRACES_EXPORTER: oneOf('otlp', 'console', 'none').optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('http', 'https').optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: HTTP.default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: HTTP.optional(),
  OTEL_TRACES_SAMPLER: oneOf(
    'always_on',
    'always_off',
    'traceidratio',
    'parentbased_always_on',
    'parentbased_always_off',
    'parentbased_traceidratio',
  ).default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: text
    .refine((value) => Number(value) >= 0 && Number(value) <= 1, 'is not a number from 0 to 1')
    .transform(Number)
    .default(1),
  OTEL_BSP_SCHEDULE_DELAY: wholeNumber(1, 3_600_000).default(5_000),
  OTEL_BSP_EXPORT_TIMEOUT: wholeNumber(1, 3_600_000).default(30_000),
  OTEL_BSP_MAX_QUEUE_SIZE: wholeNumber(1, 1_000_000).default(2_048),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: wholeNumber(1, 1_000_000).default(512),
});

const remedies: Readonly<Record<keyof z.infer<typeof variables>, string>> = {
  OTEL_TRACES_EXPORTER: 'set it to otlp, console or none, or leave it out',
  OTEL_EXPORTER_OTLP_ENDPOINT: "set it to the collector's address, such as http://host:4318, or leave it out",
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT:
    'set it to the whole address for traces, such as http://host:4318/v1/traces, or leave it out',
  OTEL_EXPORTER_OTLP_PROTOCOL:
    'set it to http/protobuf or http/json, which most collectors hear on port 4318',
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL:
    'set it to http/protobuf or http/json, which most collectors hear on port 4318',
  OTEL_TRACES_SAMPLER: 'leave it out to follow the caller, and to record what nobody has decided on',
  OTEL_TRACES_SAMPLER_ARG: 'set it to the share of traces to keep, such as 0.1, or leave it out for all',
  OTEL_BSP_SCHEDULE_DELAY: 'set it to a number of milliseconds, or leave it out for 5000',
  OTEL_BSP_EXPORT_TIMEOUT: 'set it to a number of milliseconds, or leave it out for 30000',
  OTEL_BSP_MAX_QUEUE_SIZE: 'set it to a number of spans, or leave it out for 2048',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'set it to a number of spans, or leave it out for 512',
};

/** Every OpenTelemetry variable that `.env.example` shows. The last four are not ours: the OpenTelemetry packages
 *  read them, the endpoints and the rest of the exporter's (certificates, compression) from the environment by themselves. */
export const TRACE_SETTING_NAMES: readonly string[] = [
  ...Object.keys(remedies),
  'OTEL_SDK_DISABLED',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_EXPORTER_OTLP_TIMEOUT',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
];

/** How traces leave, by OpenTelemetry's standard variables; undefined when none asks for it, and then none is looked at:
 *  they may be another program's. */
export function readTraceSettings(given: Readonly<Record<string, string | undefined>>): {
  readonly traceExport: TraceExport | undefined;
  readonly faults: readonly string[];
} {
  const asked =
    given['OTEL_TRACES_EXPORTER'] ??
    given['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ??
    given['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const off =
    given['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || given['OTEL_TRACES_EXPORTER'] === 'none';
  if (asked === undefined || off) return { traceExport: undefined, faults: [] };
  const parsed = variables.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const name = String(issue.path[0]) as keyof typeof remedies;
      return `${name} ${issue.message}: ${remedies[name]}`;
    });
    return { traceExport: undefined, faults };
  }
  const value = parsed.data;
  const traceExport: TraceExport = Object.freeze({
    exporter: value.OTEL_TRACES_EXPORTER === 'console' ? 'console' : 'otlp',
    protocol: value.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? value.OTEL_EXPORTER_OTLP_PROTOCOL,
    sampler: value.OTEL_TRACES_SAMPLER,
    sampledShare: value.OTEL_TRACES_SAMPLER_ARG,
    scheduleDelayMs: value.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMs: value.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: value.OTEL_BSP_MAX_QUEUE_SIZE,
    maxBatchSize: value.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  });
  return { traceExport, faults: [] };
}
