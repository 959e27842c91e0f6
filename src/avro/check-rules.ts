import { isNamed, isPrimitive, isUnion, shortName } from './avro-schema.ts';
import type { AvroSchema, SchemaBook } from './avro-schema.ts';

const LOGICAL_TYPES = new Set(['uuid', 'date', 'timestamp-millis', 'decimal']);

/** Where the contracts break their own rules, a sentence each: what keeps them evolvable (docs/contracts.md). */
export function findRuleBreaks(book: SchemaBook): readonly string[] {
  const breaks: string[] = [];
  for (const [fullName, definition] of book) {
    const name = shortName(fullName);
    if (!definition.doc) breaks.push(`${name} has no doc: say what it is`);
    if ('symbols' in definition) {
      if (definition.default !== 'UNKNOWN' || !definition.symbols.includes('UNKNOWN'))
        breaks.push(
          `${name} has no default symbol UNKNOWN: readers on this version could not read a symbol added later`,
        );
      continue;
    }
    for (const field of definition.fields) {
      const at = `${name}.${field.name}`;
      if (!field.doc) breaks.push(`${at} has no doc: say meaning, unit and format`);
      breaks.push(...findTypeBreaks(field.type, at));
      if (isUnion(field.type) && field.default !== null)
        breaks.push(`${at} can be null and has no default null: readers could not do without it`);
    }
  }
  return breaks;
}

function findTypeBreaks(schema: AvroSchema, at: string): readonly string[] {
  if (isUnion(schema)) {
    const order =
      schema[0] === 'null' && schema.length === 2
        ? []
        : [`${at} is a union that is not "null" first and then one type`];
    return [...order, ...schema.flatMap((branch) => findTypeBreaks(branch, at))];
  }
  if (typeof schema === 'string')
    return schema === 'bytes' ? [`${at} is plain bytes, which JSON can't hold: link to an attachment`] : [];
  if ('items' in schema) return findTypeBreaks(schema.items, at);
  if ('values' in schema) return findTypeBreaks(schema.values, at);
  if (isNamed(schema) || isPrimitive(schema.type) === false) return [];
  return schema.logicalType !== undefined && !LOGICAL_TYPES.has(schema.logicalType)
    ? [`${at} has the logical type ${schema.logicalType}: use one of ${[...LOGICAL_TYPES].join(', ')}`]
    : [];
}
