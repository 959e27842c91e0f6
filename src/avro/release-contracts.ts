import path from 'node:path';
import { shortName } from './avro-schema.ts';
import { readBaseline, writeBaseline } from './baseline.ts';
import { checkCompatibility } from './check-compatibility.ts';
import { loadContracts } from './load-contracts.ts';
import { UsageError } from '../domain/errors.ts';

/** Commits to today's contracts: writes them into the baseline as the next version of each directory that has changed,
 *  and returns the directories written. Throws a UsageError, and writes nothing, when they break what was released. */
export function releaseContracts(schemasDirs: readonly string[]): readonly string[] {
  const { breaks, unreleased } = checkCompatibility(schemasDirs);
  if (breaks.length > 0)
    throw new UsageError(`the contracts can't be released as they are:\n  ${breaks.join('\n  ')}`);
  const contracts = [...loadContracts(schemasDirs).events.values()];
  return schemasDirs.flatMap((dir) => {
    const own = contracts.filter(({ file }) => path.dirname(file) === path.normalize(dir).replace(/\/$/, ''));
    if (!own.some(({ record }) => unreleased.includes(shortName(record)))) return [];
    const number = (readBaseline(dir).at(-1)?.number ?? 0) + 1;
    return [
      writeBaseline(
        dir,
        number,
        own.map(({ schema }) => schema),
      ),
    ];
  });
}
