import type { Batch, Consumer, EachBatchPayload, IHeaders } from 'kafkajs';
import { MovedError } from '../domain/errors.ts';
import type { Log, WireBatch, WireRecord } from '../ports.ts';
import type { joinCommits } from './join-commits.ts';
import type { Membership } from './track-membership.ts';
import { isMembershipLost } from './translate-error.ts';

export interface ToWireBatchDeps {
  readonly consumer: Consumer;
  readonly membership: Membership;
  /** Tells the group of a position; rejects with what Kafka says. */
  readonly commit: ReturnType<typeof joinCommits>;
  readonly isStopping: () => boolean;
  readonly log: Log;
}

/** The batch as the port promises it. `isLost()` tells whether its heartbeat found the membership gone. */
export function toWireBatch(
  payload: EachBatchPayload,
  deps: ToWireBatchDeps,
): WireBatch & { isLost(): boolean } {
  const { batch } = payload;
  const { topic, partition } = batch;
  const generation = deps.membership.generation();
  const log = deps.log.child({ topic, partition });
  let lost = false;
  const isHeld = () => !lost && deps.membership.holds(generation);

  return {
    topic,
    partition,
    fetchedFrom: fetchedFrom(batch),
    highWatermark: BigInt(batch.highWatermark),
    records: toRecords(batch),
    isLost: () => lost,
    isStale: () => deps.isStopping() || !isHeld() || payload.isStale() || !payload.isRunning(),

    async heartbeat() {
      if (isHeld()) {
        try {
          return await payload.heartbeat();
        } catch (error) {
          // A broker that can't be reached does not end a membership; the fetch loop notices when it lapsed.
          if (!isMembershipLost(error)) return log.debug({ err: error }, 'a heartbeat failed');
        }
      }
      lost = true;
      throw new MovedError('position', `${topic}/${partition} was taken away from this group member`);
    },

    async commit(nextOffset) {
      if (!isHeld()) {
        return log.info(
          { nextOffset: nextOffset.toString() },
          'not committed: the partition was taken away meanwhile',
        );
      }
      payload.resolveOffset((nextOffset - 1n).toString());
      deps.membership.noteCommit({ topic, partition, next: nextOffset });
      try {
        await deps.commit({ topic, partition, next: nextOffset }, (offsets) =>
          payload.commitOffsetsIfNecessary(offsets),
        );
      } catch (error) {
        // The applied position is in PostgreSQL, and the next commit covers this one.
        if (isHeld()) deps.membership.forgetCommit({ topic, partition });
        const fields = { nextOffset: nextOffset.toString(), err: error };
        if (isMembershipLost(error)) log.info(fields, 'not committed: the group is rebalancing');
        else log[isOfKafka(error) ? 'warn' : 'error'](fields, 'not committed to the group');
      }
    },

    seek(offset) {
      if (isHeld()) deps.consumer.seek({ topic, partition, offset: offset.toString() });
    },
  };
}

const isOfKafka = (error: unknown): boolean => error instanceof Error && error.name.startsWith('KafkaJS');

/** kafkajs has it on every batch and leaves it out of its types. */
function fetchedFrom(batch: Batch): bigint {
  return BigInt((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset);
}

function toRecords({ topic, partition, messages }: Batch): WireRecord[] {
  return messages.map((message) => ({
    topic,
    partition,
    offset: BigInt(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
  }));
}

/** Values as UTF-8; of a header that occurs several times, the first. */
function toHeaders(headers: IHeaders | undefined): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) plain[name] = first.toString();
  }
  return plain;
}
