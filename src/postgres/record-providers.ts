import type { Provider } from '../ports.ts';
import type { PrismaClient } from './create-prisma.ts';
import { translated } from './translate-error.ts';

/** Copies the providers of topics.yaml into the database, for those who read it without the file. One that has left
 *  the file keeps its row, its entities are still there; and a writer id that was allotted stays, whether the file
 *  names it or not. Those of the file that are new come last. */
export async function recordProviders(prisma: PrismaClient, providers: Iterable<Provider>): Promise<void> {
  await translated(() =>
    prisma.$transaction(
      [...providers].map(
        ({ id, name, writerIds }) => prisma.$executeRaw`
          insert into provider as known (id, name, writer_ids) values (${id}, ${name}, ${[...writerIds]}::text[])
          on conflict (id) do update set
            name = excluded.name,
            recorded_at = now(),
            writer_ids = known.writer_ids || array(
              select given.id from unnest(excluded.writer_ids) with ordinality as given (id, place)
               where given.id <> all (known.writer_ids) order by given.place)`,
      ),
    ),
  );
}
