import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { Log, Span, SpanAttributes, SpanStart, TraceExport, Tracing } from '../ports.ts';
import type { OpenTracing } from './open-tracing.ts';
import { reportExport } from './report-export.ts';

/** Well within the time that a process has to stop. */
const CLOSE_WITHIN_MS = 3_000;
/** The SDK's own limit; what a batch holds beyond it is not even parsed. */
const MAX_LINKS = 128;

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

/** Spans by the OpenTelemetry SDK, exported in the background from a bounded queue: when the collector is slow or away,
 *  spans are dropped, and nothing waits. The exporter reads its endpoint, headers, timeout and certificates, and the
 *  resource its name and attributes, from the environment by themselves, as OpenTelemetry's specification has it. */
export async function exportSpans(
  settings: TraceExport,
  { log, version }: { readonly log: Log; readonly version: string },
): Promise<OpenTracing> {
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'eassurance-bridge', 'service.version': version }))
      .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] })),
    sampler: samplerOf(settings),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: reportExport(await exporterOf(settings), log),
        scheduledDelayMillis: settings.scheduleDelayMs,
        exportTimeoutMillis: settings.exportTimeoutMs,
        maxQueueSize: settings.maxQueueSize,
        maxExportBatchSize: settings.maxBatchSize,
      }),
    ],
  });
  const tracer = provider.getTracer('eassurance-bridge', version);

  function startSpan({ name, kind, parent, links = [], startMs, attributes }: SpanStart): Span {
    const span = tracer.startSpan(
      name,
      {
        kind: KINDS[kind],
        links: links.slice(0, MAX_LINKS).flatMap((link) => {
          const context = parseTraceParent(link ?? '');
          return context === null ? [] : [{ context }];
        }),
        attributes: given(attributes),
        ...(startMs === undefined ? {} : { startTime: startMs }),
      },
      contextOf(parent),
    );
    const { traceId, spanId, traceFlags } = span.spanContext();
    return {
      traceparent: `00-${traceId}-${spanId}-0${traceFlags}`,
      note(more, newName) {
        span.setAttributes(given(more));
        if (newName !== undefined) span.updateName(newName);
      },
      end(failure) {
        if (failure !== undefined) {
          span.setAttribute('error.type', codeOf(failure));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
        span.end();
      },
    };
  }

  const tracing: Tracing = {
    startSpan,
    async inSpan(start, work) {
      const span = startSpan(start);
      try {
        const result = await work(span);
        span.end();
        return result;
      } catch (error) {
        span.end(error);
        throw error;
      }
    },
  };
  return {
    tracing,
    async close() {
      const timer = Promise.withResolvers<void>();
      const timeout = setTimeout(timer.resolve, CLOSE_WITHIN_MS);
      // What went wrong was logged as it happened.
      await Promise.race([provider.shutdown().catch(() => {}), timer.promise]);
      clearTimeout(timeout);
    },
  };
}

async function exporterOf({ exporter, protocol }: TraceExport): Promise<SpanExporter> {
  if (exporter === 'console') return new ConsoleSpanExporter();
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function samplerOf({ sampler, sampledShare }: TraceExport): Sampler {
  const root = sampler.endsWith('always_on')
    ? new AlwaysOnSampler()
    : sampler.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(sampledShare);
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function contextOf(traceparent: string | null | undefined): Context {
  const parent = parseTraceParent(traceparent ?? '');
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

function given(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function codeOf(failure: unknown): string {
  if (typeof failure === 'string') return failure;
  if (!(failure instanceof Error)) return 'unknown';
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : failure.name;
}
