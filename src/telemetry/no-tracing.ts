import type { Span, SpanStart, Tracing } from '../ports.ts';

/** No traces leave: nothing is recorded, and what came with a trace context goes on with it. */
export const NO_TRACING: Tracing = {
  startSpan: noSpan,
  inSpan: (start, work) => work(noSpan(start)),
};

function noSpan({ parent = null }: SpanStart): Span {
  return { traceparent: parent, note: nothing, end: nothing };
}

function nothing(): void {
  // What is not recorded needs no more.
}
