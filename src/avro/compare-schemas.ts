import { isDeepStrictEqual } from 'node:util';
import { describeType, isUnion, resolveNode, shortName } from './avro-schema.ts';
import type {
  AvroArray,
  AvroEnum,
  AvroNode,
  AvroRecord,
  AvroScalar,
  AvroSchema,
  SchemaBook,
} from './avro-schema.ts';

interface Side {
  readonly book: SchemaBook;
  /** What to call it in a sentence: `version 2`. */
  readonly name: string;
}
interface Walk {
  readonly old: Side;
  readonly now: Side;
  /** Records and enums that were compared already. */
  readonly seen: Set<string>;
  readonly breaks: string[];
}

/** Every change from an old version of a record to today's that keeps either side's readers from reading the other
 *  side's events, or makes them read something else; one sentence each. Empty: both can run at the same time. */
export function compareSchemas(record: string, old: Side, now: Side): readonly string[] {
  const walk: Walk = { old, now, seen: new Set(), breaks: [] };
  compareTypes(record, record, shortName(record), walk);
  return walk.breaks;
}

function compareTypes(was: AvroSchema, is: AvroSchema, at: string, walk: Walk): void {
  if (isUnion(was) || isUnion(is)) {
    compareUnions(was, is, at, walk);
    return;
  }
  const before = resolveNode(was, walk.old.book);
  const after = resolveNode(is, walk.now.book);
  if (before.type !== after.type) retyped(was, is, at, walk);
  else if ('fields' in before) compareRecords(before, after as AvroRecord, at, walk);
  else if ('symbols' in before) compareEnums(before, after as AvroEnum, at, walk);
  else if ('items' in before) compareLists(before, after as AvroArray, at, walk);
  else if ('values' in before) compareTypes(before.values, (after as typeof before).values, at, walk);
  else if (!sameScalar(before, after)) retyped(was, is, at, walk);
}

function sameScalar(a: AvroScalar, b: AvroScalar): boolean {
  return a.logicalType === b.logicalType && a.precision === b.precision && (a.scale ?? 0) === (b.scale ?? 0);
}

function retyped(was: AvroSchema, is: AvroSchema, at: string, { old, breaks }: Walk): void {
  breaks.push(
    `${at} changed from ${describeType(was)} to ${describeType(is)}: readers on ${old.name} and today's can't read each other's events`,
  );
}

/** A union may be spelled in any order for Avro, but a default belongs to the first branch, so `null` stays first. */
function compareUnions(was: AvroSchema, is: AvroSchema, at: string, walk: Walk): void {
  if (!isUnion(was)) {
    walk.breaks.push(
      `${at} became ${describeType(is)}: readers on ${walk.old.name}, which expect ${describeType(was)}, can't read new events`,
    );
  } else if (!isUnion(is)) {
    walk.breaks.push(
      `${at} became ${describeType(is)} only: today's readers can't read events of ${walk.old.name} in which it is one of ${describeType(was)}`,
    );
  } else if (was.length !== is.length) {
    retyped(was, is, at, walk);
  } else if (was.includes('null') && is.includes('null') && was.indexOf('null') !== is.indexOf('null')) {
    walk.breaks.push(
      `${at} lists its types as ${describeType(is)}, on ${walk.old.name} as ${describeType(was)}: null must stay first, or the default null no longer fits`,
    );
  } else {
    was.forEach((branch, index) => compareTypes(branch, is[index]!, at, walk));
  }
}

function compareRecords(was: AvroRecord, is: AvroRecord, at: string, walk: Walk): void {
  if (!sameName(was, is, at, walk) || alreadySeen(was, walk)) return;
  const { old, breaks } = walk;
  for (const field of was.fields) {
    const name = `${was.name}.${field.name}`;
    const kept = is.fields.find((candidate) => candidate.name === field.name);
    if (kept === undefined) {
      if (field.default === undefined)
        breaks.push(`${name} was removed and had no default: readers on ${old.name} can't read new events`);
      continue;
    }
    compareTypes(field.type, kept.type, name, walk);
    if (field.default !== undefined && kept.default === undefined)
      breaks.push(
        `${name} lost its default: today's readers can't read events of a version that goes without it`,
      );
    else if (field.default !== undefined && !isDeepStrictEqual(field.default, kept.default))
      breaks.push(
        `${name} has another default than on ${old.name}: the two would read different values from events that leave it out`,
      );
  }
  for (const field of is.fields) {
    if (field.default === undefined && !was.fields.some((candidate) => candidate.name === field.name))
      breaks.push(
        `${was.name}.${field.name} was added without a default: today's readers can't read events of ${old.name}`,
      );
  }
}

function compareEnums(was: AvroEnum, is: AvroEnum, at: string, walk: Walk): void {
  if (!sameName(was, is, at, walk) || alreadySeen(was, walk)) return;
  const { old, breaks } = walk;
  for (const symbol of was.symbols) {
    if (!is.symbols.includes(symbol))
      breaks.push(
        `${was.name} lost the symbol ${symbol}: today's readers take it for ${is.default ?? 'an error'} in events of ${old.name}`,
      );
  }
  const added = is.symbols.filter((symbol) => !was.symbols.includes(symbol));
  if (added.length > 0 && was.default === undefined)
    breaks.push(
      `${was.name} got the symbol ${added.join(', ')}, and had no default: readers on ${old.name} can't read events that use it`,
    );
  if (was.default !== is.default)
    breaks.push(
      `${was.name} has the default ${is.default ?? '(none)'}, on ${old.name} ${was.default ?? '(none)'}: the two would read unknown symbols differently`,
    );
}

function compareLists(was: AvroArray, is: AvroArray, at: string, walk: Walk): void {
  if (was.listKey !== is.listKey)
    walk.breaks.push(
      `${at} is ordered by ${is.listKey ?? 'nothing'}, on ${walk.old.name} by ${was.listKey ?? 'nothing'}: the two would compute different digests`,
    );
  compareTypes(was.items, is.items, at, walk);
}

function sameName(
  was: AvroNode & { name: string },
  is: AvroNode & { name: string },
  at: string,
  walk: Walk,
): boolean {
  if (was.name === is.name) return true;
  walk.breaks.push(
    `${at} was of the ${was.type} ${was.name} and is of ${is.name}: readers on ${walk.old.name} and today's can't read each other's events`,
  );
  return false;
}

/** A record that is used in ten places is judged once. */
function alreadySeen(node: { readonly name: string }, { seen }: Walk): boolean {
  if (seen.has(node.name)) return true;
  seen.add(node.name);
  return false;
}
