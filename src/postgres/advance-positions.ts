import type pg from 'pg';
import { MovedError } from '../domain/errors.ts';
import type { PositionAdvance } from '../ports.ts';
import { allInOrder } from '../runtime/all-in-order.ts';
import { bigintArray, instantArray, integerArray, textArray } from './binary-arrays.ts';

/** Compare-and-set on each position, all or none: of two consumers that both believe they own a partition, the second waits
 *  for the first to commit, then finds another position than it expected and throws MovedError `position`. Two that
 *  settle several of the same partitions may wait for each other in a ring, which the server ends. */
export async function advancePositions(
  client: pg.ClientBase,
  advances: readonly PositionAdvance[],
): Promise<void> {
  const [fresh, known] = [advances.filter(isFirst), advances.filter((advance) => !isFirst(advance))];
  const counts = await allInOrder([
    fresh.length === 0 ? 0 : startPositions(client, fresh),
    known.length === 0 ? 0 : movePositions(client, known),
  ]);
  if (counts[0] + counts[1] === advances.length) return;
  const named = advances.map(
    ({ topic, partition, expected }) => `${topic}/${partition} at ${expected ?? 'its start'}`,
  );
  throw new MovedError('position', `no longer where it was expected: ${named.join(', ')}`);
}

const isFirst = ({ expected }: PositionAdvance): boolean => expected === null;

async function startPositions(client: pg.ClientBase, advances: readonly PositionAdvance[]): Promise<number> {
  const { rowCount } = await client.query({
    name: 'start-positions',
    text: `insert into applied_offset (topic, partition, topic_id, next_offset, arrived_at)
           select * from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::timestamptz[])
               on conflict do nothing`,
    values: columnsOf(advances),
  });
  return rowCount!;
}

async function movePositions(client: pg.ClientBase, advances: readonly PositionAdvance[]): Promise<number> {
  const { rowCount } = await client.query({
    name: 'move-positions',
    text: `update applied_offset a
              set topic_id = u.topic_id, next_offset = u.next_offset, updated_at = now(),
                  arrived_at = greatest(a.arrived_at, u.arrived_at)
             from unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[])
                  as u (topic, partition, topic_id, next_offset, arrived_at, expected)
            where a.topic = u.topic and a.partition = u.partition and a.next_offset = u.expected`,
    values: [...columnsOf(advances), bigintArray(advances.map(({ expected }) => expected))],
  });
  return rowCount!;
}

function columnsOf(advances: readonly PositionAdvance[]): Buffer[] {
  return [
    textArray(advances.map(({ topic }) => topic)),
    integerArray(advances.map(({ partition }) => partition)),
    textArray(advances.map(({ topicId }) => topicId)),
    bigintArray(advances.map(({ next }) => next)),
    instantArray(advances.map(({ arrivedAtMs }) => arrivedAtMs ?? null)),
  ];
}
