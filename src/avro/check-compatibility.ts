import { isDeepStrictEqual } from 'node:util';
import pLimit from 'p-limit';
import type { TopicRoute } from '../ports.ts';
import { shortName } from './avro-schema.ts';
import type { AvroSchema } from './avro-schema.ts';
import { avroType } from './avro-types.ts';
import { readBaseline } from './baseline.ts';
import type { ReleasedVersion } from './baseline.ts';
import { findRuleBreaks } from './check-rules.ts';
import { compareSchemas } from './compare-schemas.ts';
import type { RegistryClient } from './create-registry-client.ts';
import { loadContracts } from './load-contracts.ts';
import type { Contract, Contracts } from './load-contracts.ts';
import { subjectOf } from './register-schemas.ts';

export interface CompatibilityReport {
  /** What breaks what, a sentence each; empty when the contracts may be released. */
  readonly breaks: readonly string[];
  /** Records that differ from the newest released version, or are in none. */
  readonly unreleased: readonly string[];
  readonly records: number;
  /** Released versions compared, over all directories. */
  readonly versions: number;
}

/** Proves the contracts of the directories FULL_TRANSITIVE: today's readers read the events of every released version,
 *  and the readers of every released version read today's. */
export function checkCompatibility(schemasDirs: readonly string[]): CompatibilityReport {
  const contracts = loadContracts(schemasDirs);
  const breaks = [...findRuleBreaks(contracts.book)];
  for (const contract of contracts.events.values()) contracts.shapeOf(contract.record, contract.stateField);
  const baselines = schemasDirs.map(readBaseline);
  for (const version of baselines.flat()) breaks.push(...compareVersion(version, contracts));
  const newest = new Map(baselines.flatMap((versions) => [...(versions.at(-1)?.records ?? [])]));
  return {
    breaks: [...new Set(breaks)],
    unreleased: [...contracts.events.values()]
      .filter(({ record, schema }) => !isDeepStrictEqual(newest.get(record)?.schema, schema))
      .map(({ record }) => shortName(record)),
    records: contracts.events.size,
    versions: baselines.flat().length,
  };
}

/** What the registry itself would refuse of the topics' schemas, a sentence each. Registers nothing. */
export async function checkRegistry(deps: {
  readonly contracts: Contracts;
  readonly routes: Iterable<TopicRoute>;
  readonly registry: Pick<RegistryClient, 'findRefusals'>;
}): Promise<readonly string[]> {
  const limit = pLimit(8);
  const found = await Promise.all(
    [...deps.routes].map((route) =>
      limit(async () => {
        const subject = subjectOf(route.topic);
        const schema = JSON.stringify(deps.contracts.event(route.record).schema);
        const refusals = await deps.registry.findRefusals(subject, schema);
        return refusals.map((refusal) => `the registry would refuse ${subject}: ${refusal}`);
      }),
    ),
  );
  return found.flat();
}

function compareVersion(version: ReleasedVersion, contracts: Contracts): readonly string[] {
  const name = `version ${version.number}`;
  const breaks: string[] = [];
  for (const [record, released] of version.records) {
    const contract = contracts.events.get(record);
    if (contract === undefined) {
      breaks.push(
        `${shortName(record)} was removed: its topic's events of ${name} could not be read any more`,
      );
      continue;
    }
    const found = compareSchemas(
      record,
      { book: released.book, name },
      { book: contracts.book, name: 'today' },
    );
    breaks.push(...(found.length > 0 ? found : proveByResolving(released.schema, contract, name)));
  }
  return breaks;
}

/** The same question put to avsc, which reads the events in the end: it must be able to resolve both ways. */
function proveByResolving(released: AvroSchema, contract: Contract, name: string): readonly string[] {
  const [was, is] = [avroType(released), avroType(contract.schema)];
  const breaks: string[] = [];
  for (const [reader, writer, sentence] of [
    [is, was, `today's readers can't read events of ${name}`],
    [was, is, `readers on ${name} can't read new events`],
  ] as const) {
    try {
      reader.createResolver(writer);
    } catch (error) {
      breaks.push(`${shortName(contract.record)}: ${sentence}: ${(error as Error).message}`);
    }
  }
  return breaks;
}
