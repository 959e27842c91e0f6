import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../ports.ts';
import { LAG_GAUGES, setLagGauges } from './set-lag-gauges.ts';

/** Every metric of the bridge, with the labels it has. Labels come from closed or configured sets (providers, topics,
 *  outcomes, codes, routes), never from ids or what people typed. */
const counters = {
  bridge_events_settled_total: {
    help: 'Events that were judged, by outcome.',
    labelNames: ['provider', 'topic', 'outcome'],
  },
  bridge_events_quarantined_total: {
    help: 'Events put into quarantine, by cause.',
    labelNames: ['provider', 'topic', 'code'],
  },
  bridge_events_published_total: {
    help: 'Events of ours that Kafka acknowledged.',
    labelNames: ['provider', 'topic'],
  },
  bridge_events_parked_total: {
    help: 'Events of ours that Kafka refused for good, by cause.',
    labelNames: ['provider', 'code'],
  },
  bridge_partitions_halted_total: {
    help: 'Times that a partition stopped on a failure that nothing explains.',
    labelNames: ['topic'],
  },
  bridge_records_lost_total: {
    help: 'Records that retention deleted before they were read.',
    labelNames: ['topic'],
  },
  bridge_records_pulled_total: {
    help: "Records read from a provider's GET API, by outcome; failed: unreadable records and failed requests.",
    labelNames: ['provider', 'collection', 'outcome'],
  },
  bridge_revisions_reused_total: {
    help: 'Revisions that came with two contents (REVISION_REUSED): allot a writer id with `bridge provider restored`.',
    labelNames: ['provider'],
  },
} as const;

const gauges = {
  bridge_canary_last_return_timestamp_seconds: {
    help: 'When a heartbeat came back last; absent for a provider without a canary.',
    labelNames: ['provider'],
  },
  bridge_topic_fuse_blown: {
    help: '1 while the topic stands still (FUSE_BLOWN, or paused by a person): `bridge topic list`.',
    labelNames: ['topic'],
  },
  bridge_lag_seconds: {
    help: 'Age of the oldest record of the topic whose outcome is not durable; 0 when none waits.',
    labelNames: ['provider', 'topic'],
  },
  bridge_lag_events: {
    help: 'Records of the topic whose outcome is not durable.',
    labelNames: ['provider', 'topic'],
  },
  bridge_lag_drain_seconds: {
    help: 'Until nothing of the topic waits, at the present net rate; +Inf: never at this rate.',
    labelNames: ['provider', 'topic'],
  },
  bridge_lag_verdict: {
    help: '1 for each verdict of `bridge lag`; direction: in, out, read (by the provider), silence.',
    labelNames: ['provider', 'topic', 'direction', 'verdict'],
  },
  bridge_lag_sample_timestamp_seconds: { help: 'When lag was last measured.', labelNames: [] },
  bridge_lag_sample_seconds: { help: 'How long measuring lag took.', labelNames: [] },
  bridge_unread_seconds: {
    help: 'Age of the oldest event of ours in the topic that the provider has not read.',
    labelNames: ['provider', 'topic'],
  },
  bridge_unread_events: {
    help: 'Events of ours in the topic that the provider has not read; counted up to 1,000 a partition.',
    labelNames: ['provider', 'topic'],
  },
  bridge_quarantine_events: {
    help: 'Events in quarantine that are not settled, by cause.',
    labelNames: ['provider', 'code'],
  },
  bridge_quarantine_seconds: {
    help: 'Age of the oldest event in quarantine that is not settled, by cause.',
    labelNames: ['provider', 'code'],
  },
  bridge_conflicts_open: { help: 'Conflicts that wait for staff.', labelNames: ['provider', 'severity'] },
  bridge_conflicts_seconds: {
    help: 'Age of the oldest conflict that waits for staff.',
    labelNames: ['provider', 'severity'],
  },
  bridge_circuit_open: {
    help: "1 while the breaker of the provider's GET API is open or half open.",
    labelNames: ['provider'],
  },
  bridge_provider_api_refused: {
    help: "1 while the provider's GET API answers 401 or 403 to our key.",
    labelNames: ['provider'],
  },
  bridge_constats_undeclared: {
    help: 'Drafts in day 5 to 7 after the accident, the last in which it can be declared.',
    labelNames: ['provider'],
  },
  bridge_constats_injury_without_report: {
    help: 'Open constats that tell of injuries and of no police report.',
    labelNames: ['provider'],
  },
  bridge_pull_cursor_seconds: {
    help: "Since a walk through the provider's GET API got on, by walk; reconciliation's walks are among them.",
    labelNames: ['provider', 'collection'],
  },
  bridge_provider_clock_skew_seconds: {
    help: "By how much the provider's clock is ahead of the broker's; negative: behind.",
    labelNames: ['provider'],
  },
  bridge_provider_last_arrival_timestamp_seconds: {
    help: 'When the last event of the provider came.',
    labelNames: ['provider'],
  },
  bridge_outbox_waiting_events: { help: 'Events of ours that wait for Kafka.', labelNames: ['shard'] },
  bridge_outbox_parked_events: { help: 'Events of ours that Kafka refused for good.', labelNames: ['shard'] },
  bridge_outbox_oldest_seconds: {
    help: 'How long the oldest waiting event of ours has waited; 0 when none waits.',
    labelNames: ['shard'],
  },
  bridge_database_bytes: { help: 'What our database takes up on its disk.', labelNames: [] },
} as const;

const histograms = {
  bridge_batch_seconds: {
    help: 'From a fetched batch to its commit.',
    labelNames: ['provider'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
  bridge_batch_events: {
    help: 'Events in a batch.',
    labelNames: ['provider'],
    buckets: [1, 5, 10, 50, 100, 250, 500, 1000, 2500, 5000],
  },
  bridge_end_to_end_seconds: {
    help: 'From an edit to its commit here (in) or its acknowledgement by Kafka (out).',
    labelNames: ['provider', 'direction'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800],
  },
  bridge_canary_round_trip_seconds: {
    help: 'From the sending of a heartbeat to its return through the consumer.',
    labelNames: ['provider'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  bridge_http_request_seconds: {
    help: 'From a request to the end of its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  },
} as const;

/** The names above. */
export const METRIC_NAMES: readonly string[] = [counters, gauges, histograms].flatMap((family) =>
  Object.keys(family),
);

export interface PrometheusMetrics extends Metrics {
  /** Everything, with the process's own figures, in Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** For gauges that are read when asked for (lag, backlog). */
  readonly registry: Registry;
}

/** Metrics in a registry of their own, so that several bridges can live in one process. */
export function createMetrics(): PrometheusMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: keyof typeof counters) =>
    new Counter<string>({ name, ...counters[name], registers: [registry] });
  const gauge = (name: keyof typeof gauges) =>
    new Gauge<string>({
      name,
      ...gauges[name],
      labelNames: [...gauges[name].labelNames],
      registers: [registry],
    });
  const histogram = (name: keyof typeof histograms) =>
    new Histogram<string>({
      name,
      ...histograms[name],
      buckets: [...histograms[name].buckets],
      registers: [registry],
    });

  const settled = counter('bridge_events_settled_total');
  const quarantined = counter('bridge_events_quarantined_total');
  const published = counter('bridge_events_published_total');
  const parked = counter('bridge_events_parked_total');
  const lost = counter('bridge_records_lost_total');
  const halted = counter('bridge_partitions_halted_total');
  const pulled = counter('bridge_records_pulled_total');
  const reused = counter('bridge_revisions_reused_total');
  const lastReturn = gauge('bridge_canary_last_return_timestamp_seconds');
  const fuseBlown = gauge('bridge_topic_fuse_blown');
  const batchSeconds = histogram('bridge_batch_seconds');
  const batchEvents = histogram('bridge_batch_events');
  const endToEnd = histogram('bridge_end_to_end_seconds');
  const waiting = gauge('bridge_outbox_waiting_events');
  const waitingParked = gauge('bridge_outbox_parked_events');
  const oldest = gauge('bridge_outbox_oldest_seconds');
  const databaseBytes = gauge('bridge_database_bytes');
  const roundTrip = histogram('bridge_canary_round_trip_seconds');
  const http = histogram('bridge_http_request_seconds');
  const lagGauges = Object.fromEntries(LAG_GAUGES.map((name) => [name, gauge(name)])) as Record<
    (typeof LAG_GAUGES)[number],
    Gauge
  >;

  return {
    settled: (provider, topic, outcome, count) => settled.inc({ provider, topic, outcome }, count),
    quarantined: (provider, topic, code) => quarantined.inc({ provider, topic, code }),
    batch(provider, _topic, events, seconds) {
      batchSeconds.observe({ provider }, seconds);
      batchEvents.observe({ provider }, events);
    },
    published: (provider, topic, count) => published.inc({ provider, topic }, count),
    parked: (provider, code) => parked.inc({ provider, code }),
    lostToRetention: (topic, records) => lost.inc({ topic }, records),
    halted: (topic) => halted.inc({ topic }),
    fuseBlown: (topic, blown) => fuseBlown.set({ topic }, blown ? 1 : 0),
    endToEnd: (provider, direction, seconds) => endToEnd.observe({ provider, direction }, seconds),
    pulled: (provider, collection, outcome, count) => pulled.inc({ provider, collection, outcome }, count),
    revisionReused: (provider) => reused.inc({ provider }),
    outbox(backlog) {
      const { shard } = backlog;
      waiting.set({ shard }, backlog.waiting);
      waitingParked.set({ shard }, backlog.parked);
      oldest.set({ shard }, (backlog.oldestMs ?? 0) / 1000);
    },
    databaseSize: (bytes) => databaseBytes.set(bytes),
    heartbeat(provider, seconds) {
      roundTrip.observe({ provider }, seconds);
      lastReturn.set({ provider }, Date.now() / 1000);
    },
    http: (method, route, status, seconds) =>
      http.observe({ method, route, status: String(status) }, seconds),
    lag: (report, tookSeconds) => setLagGauges(lagGauges, report, tookSeconds),
    text: () => registry.metrics(),
    contentType: registry.contentType,
    registry,
  };
}
