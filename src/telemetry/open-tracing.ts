import type { Log, TraceExport, Tracing } from '../ports.ts';
import { NO_TRACING } from './no-tracing.ts';

export interface OpenTracing {
  readonly tracing: Tracing;
  /** Exports what has ended, for a few seconds at most. Never rejects. */
  close(): Promise<void>;
}

/** Spans that leave as the settings say; without settings, none, and no OpenTelemetry package is loaded. */
export async function openTracing(
  settings: TraceExport | undefined,
  deps: { readonly log: Log; readonly version: string },
): Promise<OpenTracing> {
  if (settings === undefined) return { tracing: NO_TRACING, close: async () => {} };
  const { exportSpans } = await import('./export-spans.ts');
  return exportSpans(settings, deps);
}
