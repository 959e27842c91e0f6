import type { EntityEvent } from '../domain/event.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { EventCodec, QuarantinedRecord, QuarantineTable, Topology } from '../ports.ts';

/** What a record in quarantine says, as far as it can be read. Nothing of it is verified. */
export interface ReadRecord {
  /** Null when the bytes can't be read. */
  readonly event: EntityEvent | null;
  /** Why there is no event, as of now; null when there is one. */
  readonly unreadable: string | null;
  /** What the topic carries; null when topics.yaml no longer has it. */
  readonly kind: EntityKind | null;
  /** As the event says, else as the key does; null when neither can be known. */
  readonly entityId: string | null;
}

export type FoundRecord = QuarantinedRecord & { readonly read: ReadRecord };

/** The record with this id, read with its writer's schema; null when there is none. Throws TransientError while the
 *  registry or the database is away, unless `whileAway` makes something of the first. */
export async function findQuarantined(
  id: string,
  deps: {
    readonly table: Pick<QuarantineTable, 'read'>;
    readonly topology: Topology;
    readonly codec: Pick<EventCodec, 'decodeBatch'>;
  },
  whileAway?: (error: unknown) => Pick<ReadRecord, 'event' | 'unreadable'>,
): Promise<FoundRecord | null> {
  const [record] = await deps.table.read([id]);
  if (record === undefined) return null;
  const route = deps.topology.routes.get(record.topic);
  const kind = (route && deps.topology.kinds.get(route.kind)) ?? null;
  const read =
    kind === null
      ? { event: null, unreadable: `topics.yaml has no topic ${record.topic}.` }
      : await (whileAway ? decode(record, deps.codec).catch(whileAway) : decode(record, deps.codec));
  return { ...record, read: { ...read, kind, entityId: read.event?.meta.entityId ?? record.entityId } };
}

async function decode(
  { topic, value }: QuarantinedRecord,
  codec: Pick<EventCodec, 'decodeBatch'>,
): Promise<Pick<ReadRecord, 'event' | 'unreadable'>> {
  const [decoded] = await codec.decodeBatch(topic, [value]);
  if (decoded!.readable) return { event: decoded!.event, unreadable: null };
  const { event, cause } = decoded!;
  return event === undefined ? { event: null, unreadable: cause } : { event, unreadable: null };
}
