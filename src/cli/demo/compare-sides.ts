import Table from 'cli-table3';
import { setTimeout as delay } from 'node:timers/promises';
import { digestOf } from '../../domain/canonical.ts';
import { formatRevision } from '../../domain/revision.ts';
import type { Demo } from './start-demo.ts';

/** One entity on both sides; a side that does not have it is null. */
export interface Side {
  readonly kind: string;
  readonly provider: string;
  readonly id: string;
  readonly ours: string | null;
  readonly theirs: string | null;
  /** Same revision and same canonical content, each digest computed by that side's own code. */
  readonly equal: boolean;
}

const SETTLE_MS = 10_000;

/** Every entity of every provider on both sides. What still travels is given a moment: it looks again until all are equal
 *  or 10 s have passed. */
export async function compareSides(demo: Demo, signal: AbortSignal): Promise<readonly Side[]> {
  const deadline = Date.now() + SETTLE_MS;
  for (;;) {
    const sides = await lookOnce(demo);
    if (sides.every((side) => side.equal) || Date.now() > deadline) return sides;
    await delay(200, undefined, { signal });
  }
}

async function lookOnce({ topology, staff, agents }: Demo): Promise<readonly Side[]> {
  const sides: Side[] = [];
  for (const kind of topology.kinds.values()) {
    const ours = await staff.list(kind.collection);
    for (const [provider, agent] of agents) {
      const theirs = new Map((await agent.list(kind.name)).map((record) => [record.id, record]));
      const known = new Map(
        ours.filter((entity) => entity.provider === provider).map((entity) => [entity.id, entity]),
      );
      for (const id of new Set([...known.keys(), ...theirs.keys()])) {
        const here = known.get(id);
        const there = theirs.get(id);
        const revisionThere = there ? formatRevision(there.revision) : null;
        sides.push({
          kind: kind.name,
          provider,
          id,
          ours: here?.revision ?? null,
          theirs: revisionThere,
          equal:
            here !== undefined &&
            there !== undefined &&
            here.revision === revisionThere &&
            digestOf(here.state, kind.shape) === there.digest,
        });
      }
    }
  }
  return sides;
}

export function printSides(sides: readonly Side[]): void {
  const table = new Table({
    head: ['kind', 'provider', 'entity', 'E-assurance', '', 'insurer'],
    style: { head: [], border: [] },
  });
  for (const { kind, provider, id, ours, theirs, equal } of sides) {
    table.push([kind, provider, id, ours ?? 'absent', equal ? '=' : '≠', theirs ?? 'absent']);
  }
  const equal = sides.filter((side) => side.equal).length;
  console.log(
    `\nBoth sides\n${table.toString()}\n${equal} of ${sides.length} entities are the same on both sides.`,
  );
}
