import type { Admin } from '@platformatic/kafka';
import type { LogReader, OldestRecord, Place } from '../ports.ts';
import { createLeaderMap } from './find-leaders.ts';
import { readGroups } from './read-groups.ts';
import { readOldestRecords } from './read-oldest-records.ts';
import { readRanges } from './read-ranges.ts';
import { translateKafkaError } from './translate-error.ts';

/** What was found from an offset on; true until the partition is another one, since records never change. */
export interface Found extends OldestRecord {
  readonly from: bigint;
  /** Up to here there is nothing but the record. */
  readonly until: bigint;
}

/** Reads of logs and groups, in bulk: one request a leader, however many partitions it leads. `admin` stays the caller's
 *  to close. */
export function createLogReader(admin: Admin): LogReader {
  const leaders = createLeaderMap(admin);
  const found = new Map<string, Found>();
  const translated = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw translateKafkaError(error, doing);
    }
  };
  return {
    ranges: (topics) => translated('reading where logs begin and end', () => readRanges(topics, leaders)),
    oldest: (places) =>
      translated('reading the oldest records', async () => {
        const known = new Map<Place, OldestRecord>();
        const unknown = places.filter(({ topic, topicId, partition, from }) => {
          const entry = found.get(`${topicId}/${partition}`);
          if (entry === undefined || entry.record === null || from < entry.from || from > entry.until)
            return true;
          known.set(`${topic}/${partition}`, entry);
          return false;
        });
        const read = await readOldestRecords(unknown, found, leaders);
        return new Map([...known, ...read]);
      }),
    ...readGroups(admin, leaders, translated),
  };
}
