import { HUB } from '../domain/event.ts';
import type { Topology, WriterIdTable } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import type { Arrival } from './apply-batch.ts';

/** Which writer ids are allotted to each provider: those of topics.yaml and those that were allotted since. */
export interface WriterDirectory {
  allotted(providerId: string): readonly string[];
  /** Reads the table again. */
  reload(): Promise<void>;
  /** Reads the table again when one of the arrivals names a writer that is not known yet, so that an id that was allotted
   *  a moment ago is not taken for a forged one. */
  learn(arrivals: readonly Arrival[]): Promise<void>;
}

/** Knows only topics.yaml until the first `reload`. An id once known is never forgotten: events with it may still be on
 *  their way. */
export function createWriterDirectory(deps: {
  readonly topology: Topology;
  readonly table: Pick<WriterIdTable, 'list'>;
}): WriterDirectory {
  const { topology, table } = deps;
  const known = new Map([...topology.providers].map(([id, { writerIds }]) => [id, writerIds]));
  const allotted = (providerId: string) => known.get(providerId) ?? [];
  const reload = async (): Promise<void> => {
    for (const [id, writerIds] of await table.list())
      known.set(id, [...new Set([...allotted(id), ...writerIds])]);
  };
  return {
    allotted,
    reload,
    async learn(arrivals) {
      const unknown = arrivals.some((arrival) => {
        if (!arrival.readable) return false;
        const ids = allotted(topology.routes.get(arrival.topic)?.providerId ?? '');
        return Object.keys(arrival.event.meta.revision).some(
          (writer) => writer !== HUB && !ids.includes(writer),
        );
      });
      if (unknown) await reload();
    },
  };
}

/** Keeps the directory as fresh as `everyMs`. */
export function refreshWriterDirectory(
  directory: Pick<WriterDirectory, 'reload'>,
  deps: { readonly everyMs: number },
): Service {
  return {
    name: 'writer-ids',
    async run(signal) {
      while (!signal.aborted) {
        await directory.reload();
        await sleep(deps.everyMs, signal);
      }
    },
  };
}
