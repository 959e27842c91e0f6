import { FetchIsolationLevels, fetchV13 } from '@platformatic/kafka';
import type { LogReader, OldestRecord, Place } from '../ports.ts';
import type { Found } from './create-log-reader.ts';
import { responseOf, type LeaderMap } from './find-leaders.ts';
import { scanBatches, type FetchAnswer, type FetchedPartition } from './scan-batches.ts';

type Asked = Parameters<LogReader['oldest']>[0][number];

/** A partition that is still searched: from `at`, with these limits. */
interface Search extends Asked {
  readonly at: bigint;
  readonly size: number;
  readonly openTransaction: boolean;
}

/** Bytes per partition, round by round: a broker gives only the first partition of an answer a batch that is larger than
 *  the limit (KIP-74), so that the others come again with a higher one. The last is above any `max.message.bytes`. */
const LIMITS = [4 * 1024, 64 * 1024, 2 * 1024 ** 2, 64 * 1024 ** 2];
/** Of one answer. */
const ANSWER_BYTES = 16 * 1024 ** 2;
/** Enough for thousands of markers in a row; what is not found then is looked for the next time, from there on. */
const MAX_ROUNDS = 50;

/** Kafka can't be asked for the time of an offset, so the record itself is fetched: only where records wait and it isn't
 *  known yet, all partitions of a leader in one request, with small limits. What is found is kept in `found`. */
export async function readOldestRecords(
  asked: readonly Asked[],
  found: Map<string, Found>,
  leaders: LeaderMap,
): Promise<ReadonlyMap<Place, OldestRecord>> {
  const answers = new Map<Place, OldestRecord>();
  const settle = (search: Search, record: OldestRecord['record'], until: bigint) => {
    const { topic, topicId, partition, from, openTransaction } = search;
    answers.set(`${topic}/${partition}`, { record, openTransaction });
    // A record of a transaction that is still open may yet be aborted.
    if (!openTransaction) found.set(`${topicId}/${partition}`, { from, until, record, openTransaction });
  };
  let searches = asked.map((one) => beginSearch(one, found.get(`${one.topicId}/${one.partition}`)));
  for (let round = 0; round < MAX_ROUNDS && searches.length > 0; round++) {
    const fetched = await fetchAll(searches, leaders);
    searches = searches.flatMap((search) => {
      if (search.at >= search.end) return settle(search, null, search.at) ?? [];
      const answer = fetched.get(`${search.topicId}/${search.partition}`);
      if (answer === undefined || answer.errorCode !== 0) return [];
      const scan = scanBatches(answer, search.at);
      if (scan.record !== null) return settle(search, scan.record, scan.record.offset) ?? [];
      return [advance(search, scan.scannedTo, answer)];
    });
  }
  return answers;
}

/** Where it was seen before that nothing stands, is not looked again. */
function beginSearch(asked: Asked, known: Found | undefined): Search {
  const skips =
    known !== undefined && known.record === null && known.from <= asked.from && known.until > asked.from;
  return { ...asked, at: skips ? known.until : asked.from, size: 0, openTransaction: false };
}

function advance(search: Search, scannedTo: bigint, { lastStableOffset }: FetchedPartition): Search {
  if (scannedTo > search.at) return { ...search, at: scannedTo };
  // Nothing more for those who read committed records: what is left belongs to, or stands behind, an open transaction.
  if (search.at >= lastStableOffset && !search.openTransaction) return { ...search, openTransaction: true };
  return { ...search, size: Math.min(search.size + 1, LIMITS.length - 1) };
}

async function fetchAll(
  searches: readonly Search[],
  leaders: LeaderMap,
): Promise<ReadonlyMap<string, FetchedPartition>> {
  const open = searches.filter(({ at, end }) => at < end);
  const requests = Map.groupBy(open, ({ topicId, partition, size, openTransaction }) =>
    [leaders.leaderOf(topicId, partition), size, openTransaction].join(' '),
  );
  const answers = await Promise.allSettled([...requests.values()].map((group) => fetchOf(group, leaders)));
  return new Map(
    answers.flatMap((answer) =>
      answer.status === 'rejected'
        ? []
        : answer.value.flatMap(({ topicId, partitions }) =>
            partitions.map((partition) => [`${topicId}/${partition.partitionIndex}`, partition] as const),
          ),
    ),
  );
}

/** Of one leader, one limit and one isolation level; in pieces, so that no answer grows large. */
async function fetchOf(group: readonly Search[], leaders: LeaderMap): Promise<FetchAnswer['responses']> {
  const { topicId, partition, size, openTransaction } = group[0]!;
  const leader = leaders.leaderOf(topicId, partition);
  if (leader === null) return [];
  const connection = await leaders.connect(leader);
  const limit = LIMITS[size]!;
  const answers: FetchAnswer['responses'] = [];
  const atOnce = Math.max(1, Math.floor(ANSWER_BYTES / limit));
  for (let i = 0; i < group.length; i += atOnce) {
    const topics = [...Map.groupBy(group.slice(i, i + atOnce), (search) => search.topicId)];
    const response = await fetchV13.api
      .async(
        connection,
        0,
        0,
        ANSWER_BYTES,
        openTransaction ? FetchIsolationLevels.READ_UNCOMMITTED : FetchIsolationLevels.READ_COMMITTED,
        0,
        -1,
        topics.map(([id, ofTopic]) => ({
          topicId: id,
          partitions: ofTopic.map(({ partition: index, at }) => ({
            partition: index,
            currentLeaderEpoch: -1,
            fetchOffset: at,
            lastFetchedEpoch: -1,
            partitionMaxBytes: limit,
          })),
        })),
        [],
        '',
      )
      .catch(responseOf<FetchAnswer>);
    answers.push(...response.responses);
  }
  return answers;
}
