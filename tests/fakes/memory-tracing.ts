import type { Span, SpanStart, Tracing } from '../../src/ports.ts';

export interface RecordedSpan extends SpanStart {
  /** Null while it has not ended. */
  ended: { readonly failure: unknown } | null;
  readonly noted: Record<string, unknown>;
}

/** Spans in memory. The n-th span is `…-n-01` in the trace of its parent. */
export function createMemoryTracing() {
  const spans: RecordedSpan[] = [];
  const startSpan = (start: SpanStart): Span => {
    const span: RecordedSpan = { ...start, ended: null, noted: {} };
    const spanId = String(spans.push(span)).padStart(16, '0');
    const traceId = start.parent?.split('-')[1] ?? spanId.padStart(32, '0');
    return {
      traceparent: `00-${traceId}-${spanId}-01`,
      note: (attributes) => void Object.assign(span.noted, attributes),
      end: (failure) => void (span.ended ??= { failure }),
    };
  };
  const tracing: Tracing = {
    startSpan,
    async inSpan(start, work) {
      const span = startSpan(start);
      return work(span).then(
        (result) => (span.end(), result),
        (error: unknown) => {
          span.end(error);
          throw error;
        },
      );
    },
  };
  return { tracing, spans };
}
