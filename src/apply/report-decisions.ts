import type { Outcome } from '../domain/event.ts';
import type { WritePlan } from '../ports.ts';
import type { ApplyDeps, Arrival, Settled } from './apply-batch.ts';

/** Measures what a batch came to and logs it, once it is durable: at info one line for the batch with its counts, and one
 *  for each event that on-call or staff may ask about (merged, conflicts, flags, quarantine); at debug one for every event,
 *  which at full speed would otherwise bound the pipeline. Each line of an event has its ids and continues its trail. */
export function reportDecisions(
  arrivals: readonly Arrival[],
  settled: readonly Settled[],
  plan: WritePlan,
  deps: ApplyDeps,
): void {
  const now = deps.clock();
  const counts: Counts = {};
  const byTopic = new Map<string, Counts>();
  const tellAll = deps.log.isLevelEnabled('debug');
  settled.forEach((one, i) => {
    const { outcome, code } = one;
    const arrival = arrivals[i]!;
    const provider = providerOf(arrival.topic, deps);
    add(counts, outcome);
    byTopic.set(arrival.topic, add(byTopic.get(arrival.topic) ?? {}, outcome));
    if (outcome === 'applied' && arrival.readable) {
      // By how much its author's clock is ahead is no age.
      const aheadMs = deps.clockAheadMs?.(provider) ?? 0;
      const ageMs = Math.max(0, now - Date.parse(arrival.event.meta.occurredAt) + aheadMs);
      deps.metrics.endToEnd(provider, 'in', ageMs / 1000);
    }
    if (code !== null) {
      deps.metrics.quarantined(provider, arrival.topic, code);
      deps.log.warn({ ...boundTo(arrival), ...one }, 'event quarantined');
    } else if (outcome === 'merged') {
      deps.log.info({ ...boundTo(arrival), ...mergeOf(arrival, plan), ...one }, 'event merged');
    } else if (tellAll) {
      deps.log.debug({ ...boundTo(arrival), ...one }, 'event settled');
    }
  });
  for (const [topic, outcomes] of byTopic) {
    for (const [outcome, count] of Object.entries(outcomes))
      deps.metrics.settled(providerOf(topic, deps), topic, outcome as Outcome, count);
  }
  const first = arrivals[0]!;
  const { topic, partition, offset } = first;
  const batch = { topic, partition, offset: offset?.toString(), events: settled.length, ...counts };
  // A pull tells of its round itself, and most of what it reads says nothing new.
  deps.log[first.source === 'topic' ? 'info' : 'debug'](batch, 'batch settled');
}

type Counts = Partial<Record<Outcome, number>>;

function add(counts: Counts, outcome: Outcome): Counts {
  counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

const providerOf = (topic: string, { topology }: ApplyDeps): string =>
  topology.routes.get(topic)?.providerId ?? 'unknown';

/** Conflicts and flags of a transaction, one line each. */
export function reportFindings({ conflicts, flags }: WritePlan, { log, metrics }: ApplyDeps): void {
  for (const { kind, entityId, provider, atom, code, severity, stands, eventId } of conflicts) {
    const found = { kind, entityId, provider, atom, code, severity, stands, eventId };
    log[severity === 'critical' ? 'warn' : 'info'](found, 'conflict left to staff');
  }
  for (const { kind, entityId, provider, code, eventId } of flags) {
    metrics.revisionReused(provider);
    log.warn({ kind, entityId, provider, code, eventId }, 'entity flagged');
  }
}

/** Position, and the trail that the event continues. */
function boundTo(arrival: Arrival): object {
  const { topic, partition, offset, headers } = arrival;
  const correlationId = arrival.readable ? arrival.event.meta.correlationId : null;
  return {
    ...{ topic, partition, offset: offset?.toString() },
    // An insurer may write anything there.
    ...(correlationId !== null && /^[\w.:-]{1,64}$/.test(correlationId) ? { correlationId } : {}),
    ...(TRACEPARENT.test(headers['traceparent'] ?? '') ? { traceparent: headers['traceparent'] } : {}),
  };
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The merge that the event caused stands behind it in the plan. */
function mergeOf(arrival: Arrival, { events, conflicts }: WritePlan): object {
  if (!arrival.readable) return {};
  const { eventId } = arrival.event.meta;
  const merge = events[events.findIndex((event) => event.eventId === eventId) + 1];
  if (merge?.source !== 'merge') return {};
  return {
    mergeEventId: merge.eventId,
    conflicts: conflicts.filter((conflict) => conflict.eventId === merge.eventId).length,
  };
}
