import type { TopicControl } from '../apply/control-topics.ts';
import type { Edits } from '../apply/edit.ts';
import type { QuarantineWork } from '../apply/work-quarantine.ts';
import type { Outcome } from '../domain/event.ts';
import type { LagReport } from '../domain/lag/report.ts';
import type { ExplainResult } from '../domain/explanation.ts';
import type { Json } from '../domain/json.ts';
import type {
  ApiKeyTable,
  Clock,
  ConflictReader,
  EntityReader,
  EventCodec,
  HealthCheck,
  Log,
  Metrics,
  NewId,
  ProviderApi,
  QuarantineTable,
  Topology,
  Tracing,
} from '../ports.ts';

/** What asking the providers about one entity came to. */
export type RefreshResult =
  /** A provider has it, and the record went through the rules like any event. */
  | { readonly status: Outcome }
  /** A provider has it, and it said that nothing changed since the last pull. */
  | { readonly status: 'unchanged' }
  /** Every provider that was asked answered that it does not know it. */
  | { readonly status: 'missing' }
  /** No usable answer; `code` is the error's (`PROVIDER_UNAVAILABLE`, `PROVIDER_GARBAGE` …). */
  | { readonly status: 'unavailable'; readonly code: string };

export interface ApiLimits {
  readonly bodyBytes: number;
  /** Per API key; also, per address, requests without a valid key. */
  readonly requestsPerMinute: number;
  /** After this long without an answer, the caller gets one (503) in any case. */
  readonly answerWithinMs: number;
  /** A health check that takes longer counts as down. */
  readonly healthWithinMs: number;
}

export const DEFAULT_LIMITS: ApiLimits = {
  bodyBytes: 1_048_576,
  requestsPerMinute: 600,
  answerWithinMs: 15_000,
  healthWithinMs: 2_000,
};

export interface ApiDeps {
  readonly topology: Topology;
  readonly edits: Edits;
  readonly reader: EntityReader;
  readonly conflicts: ConflictReader;
  readonly topics: TopicControl;
  readonly quarantine: QuarantineWork;
  readonly quarantineTable: Pick<QuarantineTable, 'groups' | 'list' | 'edits'>;
  /** Hides personal data, wherever it stands. */
  readonly mask: (value: Json) => Json;
  readonly keys: Pick<ApiKeyTable, 'findBySecretHash'>;
  readonly codec: Pick<EventCodec, 'decodeStored'>;
  /** Asks the entity's provider, or all of them while it is unknown here, and applies what comes. Never throws for a
   *  provider's fault. */
  readonly refresh: (kind: string, id: string) => Promise<RefreshResult>;
  /** Everything that happened to what the text names, of these providers' entities alone (null: of all). */
  readonly explain: (
    subject: string,
    providers: readonly string[] | null,
    limit: number,
  ) => Promise<ExplainResult>;
  /** Null for a provider whose GET API has no address here. */
  readonly pullStatus: (providerId: string) => ReturnType<ProviderApi['status']> | null;
  /** What the sampler saw last; null before it saw anything. */
  readonly lag: () => LagReport | null;
  /** `live` fails when only a restart helps; `ready` says whether requests can be served. */
  readonly checks: { readonly live: readonly HealthCheck[]; readonly ready: readonly HealthCheck[] };
  readonly metrics: Pick<Metrics, 'http'> & { text(): Promise<string> };
  readonly tracing: Tracing;
  readonly log: Log;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly version: string;
  readonly limits: ApiLimits;
}
