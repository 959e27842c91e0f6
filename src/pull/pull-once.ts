import type { Settled } from '../apply/apply-batch.ts';
import { PermanentError } from '../domain/errors.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ApiRecord, Log, Metrics, ProviderApi, PullCursorTable } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { saysNothingNew, type Republish } from './ask-provider.ts';
import { toPulledEvent } from './pulled-event.ts';
import type { PulledEvent, PulledEventDeps } from './pulled-event.ts';

export interface PullDeps extends PulledEventDeps {
  readonly cursors: PullCursorTable;
  /** Takes the events through the same rules as any other; when it resolves, their outcomes are durable. */
  readonly applyPulled: (events: readonly PulledEvent[]) => Promise<readonly Settled[]>;
  /** Tells the provider again what its records show that it has lost. */
  readonly republish: Republish;
  readonly metrics: Pick<Metrics, 'pulled'>;
  readonly log: Log;
  readonly pageSize: number;
  /** How far before the last walk the next one begins: what a provider committed late, or stamped with a clock that lags,
   *  is still seen. What was seen already is a duplicate. */
  readonly overlapMs: number;
}

export interface PullReport {
  readonly pages: number;
  readonly applied: number;
  /** Entities of which the provider turned out to have an older state than we sent it. */
  readonly republished: number;
  /** Every record that was read, whatever came of it. */
  readonly records: number;
  readonly unreadable: number;
}

/** Walks once through what changed at the provider since the walk before, page by page. The cursor moves only when every
 *  page is applied, to the time at which the provider began to answer, so that a walk that breaks off at any line is
 *  walked again. Where a record is older than what we have, ours is republished. A record that can't be read is logged and counted, and keeps none of the others back. Throws what the
 *  provider's API and `applyPulled` throw. */
export async function pullOnce(
  api: ProviderApi,
  kind: EntityKind,
  deps: PullDeps,
  signal: AbortSignal,
): Promise<PullReport> {
  const { providerId } = api;
  const collection = kind.collection;
  const log = deps.log.child({ provider: providerId, collection });
  const stored = await deps.cursors.read(providerId, collection);
  const since = stored === null ? null : new Date(Date.parse(stored) - deps.overlapMs).toISOString();
  const report = { pages: 0, applied: 0, republished: 0, records: 0, unreadable: 0 };
  const seen = new Set<string>();
  let startedAt: string | null = null;
  let cursor: string | null = null;

  do {
    signal.throwIfAborted();
    const page = await api.fetchPage(kind, { since, cursor, limit: deps.pageSize }, signal);
    reach('pull:fetched');
    startedAt ??= page.asOf;
    const { events, unreadable } = await readRecords(providerId, kind, page.records, deps);
    for (const cause of [...page.unreadable, ...unreadable])
      log.warn({ cause }, 'pulled record left out: it cannot be read');
    const settled = events.length > 0 ? await deps.applyPulled(events) : [];
    reach('pull:applied');
    countOutcomes(providerId, collection, settled, page.unreadable.length + unreadable.length, deps);

    report.pages += 1;
    report.records += events.length;
    report.applied += settled.filter(({ outcome }) => outcome === 'applied').length;
    report.republished += await republishLost(providerId, events, settled, deps);
    report.unreadable += page.unreadable.length + unreadable.length;
    cursor = page.nextCursor;
    if (cursor !== null && seen.has(cursor)) {
      throw new PermanentError(
        'PROVIDER_GARBAGE',
        `${providerId} leads in circles through its ${collection}: a cursor came twice`,
      );
    }
    if (cursor !== null) seen.add(cursor);
  } while (cursor !== null);

  reach('pull:walked');
  // A provider's clock that was set back must not bring a walk back with it.
  if (stored === null || Date.parse(startedAt) > Date.parse(stored))
    await deps.cursors.write(providerId, collection, startedAt);
  reach('pull:cursor-moved');
  return report;
}

async function republishLost(
  providerId: string,
  events: readonly PulledEvent[],
  settled: readonly Settled[],
  deps: Pick<PullDeps, 'republish'>,
): Promise<number> {
  const old = events.filter((_, i) => saysNothingNew(settled[i]!.outcome));
  if (old.length === 0) return 0;
  const shown = old.map(({ kind, event: { meta } }) => {
    return { kind, entityId: meta.entityId, revision: meta.revision };
  });
  const standings = await deps.republish(providerId, shown);
  return standings.filter((standing) => standing === 'republished').length;
}

async function readRecords(
  providerId: string,
  kind: EntityKind,
  records: readonly ApiRecord[],
  deps: PulledEventDeps,
) {
  const events: PulledEvent[] = [];
  const unreadable: string[] = [];
  for (const record of records) {
    try {
      events.push(await toPulledEvent(providerId, kind, record, deps));
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      unreadable.push(`${kind.name} ${JSON.stringify(record.state[kind.idField])}: ${error.message}`);
    }
  }
  return { events, unreadable };
}

function countOutcomes(
  providerId: string,
  collection: string,
  settled: readonly Settled[],
  failed: number,
  deps: PullDeps,
): void {
  for (const { outcome } of settled) deps.metrics.pulled(providerId, collection, outcome, 1);
  if (failed > 0) deps.metrics.pulled(providerId, collection, 'failed', failed);
}
