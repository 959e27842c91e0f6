import { MovedError } from '../domain/errors.ts';
import type { Outcome } from '../domain/event.ts';
import type { QuarantineCode } from '../domain/quarantine-code.ts';
import type { AuditEntry, EventCodec, QuarantinedRecord, QuarantineTable, Topology } from '../ports.ts';
import type { Alongside, Arrival, Settled } from './apply-batch.ts';
import { decodeArrivals } from './decode-arrivals.ts';

/** The person who works on quarantine, and how they came in, such as an API key or the command line. */
export interface Operator {
  readonly name: string;
  readonly via: string;
}

/** What became of one record that was retried. */
export interface Retried {
  readonly id: string;
  /** An outcome of the rules; `quarantined` leaves it where it was. `closed`: it was settled before. `missing`: there is
   *  none with this id. `unrouted`: topics.yaml no longer has its topic. The last three wrote nothing. */
  readonly outcome: Outcome | 'closed' | 'missing' | 'unrouted';
  /** For `quarantined`: why, as of now. */
  readonly code: QuarantineCode | null;
}

export interface RetryDeps {
  readonly table: Pick<QuarantineTable, 'read'>;
  readonly topology: Topology;
  readonly codec: Pick<EventCodec, 'decodeBatch'>;
  /** The step of apply/ without a position; `alongside` is written in its transaction. */
  readonly apply: (arrivals: readonly Arrival[], alongside: Alongside) => Promise<readonly Settled[]>;
}

/** Records of one transaction: with their bytes they must fit into memory. */
const CHUNK = 50;

/** Runs the rules again, with the same bytes, event ids and positions, on the contracts, writer ids and states of now
 *  (SYNC.md). A record leaves quarantine in the transaction of its outcome: retried twice, by two people at once, or
 *  while the same event comes from its topic, it has one outcome, and one of them finds it `closed`. An event older than
 *  what is stored ends as stale. Chunk by chunk in the order given, within a chunk in the order of positions.
 *  Throws TransientError when the database or the registry is away: the chunks before it stand. */
export async function retryQuarantined(
  ids: readonly string[],
  who: Operator,
  deps: RetryDeps,
): Promise<readonly Retried[]> {
  const all: Retried[] = [];
  for (let start = 0; start < ids.length; start += CHUNK) {
    all.push(...(await retryChunk(ids.slice(start, start + CHUNK), who, deps)));
  }
  return all;
}

async function retryChunk(
  ids: readonly string[],
  who: Operator,
  deps: RetryDeps,
): Promise<readonly Retried[]> {
  for (;;) {
    const records = await deps.table.read(ids);
    const found = new Map(records.map((record) => [record.id, resultOf(record, deps.topology)]));
    const due = records.filter(({ id }) => found.get(id) === null);
    try {
      const settled = due.length === 0 ? [] : await applyAgain(due, who, deps);
      const outcomes = new Map(due.map(({ id }, i) => [id, settled[i]!]));
      return [...new Set(ids)].map((id): Retried => {
        const { outcome, code } = outcomes.get(id) ?? { outcome: found.get(id) ?? 'missing', code: null };
        return { id, outcome, code };
      });
    } catch (error) {
      // Somebody has settled one of them meanwhile: read again, it is closed now.
      if (!(error instanceof MovedError) || error.what !== 'quarantine') throw error;
    }
  }
}

/** Why the record is not retried; null when it is. */
function resultOf(record: QuarantinedRecord, topology: Topology): 'closed' | 'unrouted' | null {
  if (record.settled !== null) return 'closed';
  return topology.routes.has(record.topic) ? null : 'unrouted';
}

async function applyAgain(
  records: readonly QuarantinedRecord[],
  who: Operator,
  deps: RetryDeps,
): Promise<readonly Settled[]> {
  const arrivals: Arrival[] = [];
  // Ordered by position, and so by topic.
  for (const [topic, ofTopic] of Map.groupBy(records, (record) => record.topic))
    arrivals.push(...(await decodeArrivals(topic, ofTopic, deps.codec)));
  return deps.apply(arrivals, (settled) => ({
    quarantineSteps: records.map(({ id }, i) => {
      const { outcome } = settled[i]!;
      return { id, how: outcome === 'quarantined' ? null : outcome, by: who.name, reason: null };
    }),
    audit: records.map(({ id }, i) => auditOf(id, settled[i]!, who)),
  }));
}

function auditOf(id: string, { outcome, code, eventId, entityId }: Settled, who: Operator): AuditEntry {
  return {
    actor: who.name,
    action: 'quarantine.retry',
    subject: `quarantine/${id}`,
    detail: { outcome, code, eventId, entityId, via: who.via },
  };
}
