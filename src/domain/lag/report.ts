import type { LagRow } from './roll-up.ts';

/** What is known of one insurer beside its lag. */
export interface ProviderFigures {
  readonly provider: string;
  /** Its GET API's breaker; null when no address is configured here. */
  readonly circuit: 'closed' | 'open' | 'half-open' | null;
  /** It answers 401 or 403 to our key. */
  readonly apiRefusesUs: boolean;
  /** Positive: its clock is ahead of the broker's. Null until an event of its own came by. */
  readonly clockSkewSeconds: number | null;
  readonly lastArrivalMs: number | null;
  /** Its longest pause of late. */
  readonly usualPauseSeconds: number | null;
  readonly quarantine: readonly {
    readonly code: string;
    readonly open: number;
    readonly oldestSeconds: number;
  }[];
  readonly conflicts: readonly {
    readonly severity: string;
    readonly open: number;
    readonly oldestSeconds: number;
  }[];
  readonly outbox: { readonly waiting: number; readonly parked: number; readonly oldestSeconds: number };
  readonly constats: { readonly undeclared: number; readonly withoutReport: number };
  /** How long ago each walk through its GET API last got on; reconciliation's walks are among them. */
  readonly cursors: readonly { readonly collection: string; readonly ageSeconds: number }[];
}

/** Everything that was seen at one moment. */
export interface LagReport {
  readonly atMs: number;
  /** Whether PostgreSQL and Kafka answered; what they say is else the last that was known. */
  readonly database: boolean;
  readonly kafka: boolean;
  /** Worst first. */
  readonly rows: readonly LagRow[];
  readonly providers: readonly ProviderFigures[];
}

/** What the caller of the API may see of it; null for all. */
export function reportFor(report: LagReport, providers: readonly string[] | null): LagReport {
  if (providers === null) return report;
  const theirs = ({ provider }: { readonly provider: string }) => providers.includes(provider);
  return { ...report, rows: report.rows.filter(theirs), providers: report.providers.filter(theirs) };
}
