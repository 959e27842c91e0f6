import fc from 'fast-check';
import { isUnion, resolveNode } from '../../../src/avro/avro-schema.ts';
import type { AvroRecord, AvroScalar, AvroSchema, SchemaBook } from '../../../src/avro/avro-schema.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';

/** Any state that a contract allows: optional fields present or not, in any order, strings of any script. */
export function arbitraryState(record: AvroRecord, book: SchemaBook): fc.Arbitrary<JsonObject> {
  const required = record.fields.filter((field) => field.default === undefined).map((field) => field.name);
  const fields = Object.fromEntries(
    record.fields.map((field) => [field.name, arbitraryValue(field.type, book)]),
  );
  return fc
    .tuple(fc.record(fields, { requiredKeys: required }), fc.infiniteStream(fc.nat()))
    .map(([state, order]) => shuffled(state as Record<string, Json>, order));
}

function arbitraryValue(schema: AvroSchema, book: SchemaBook): fc.Arbitrary<Json> {
  if (isUnion(schema))
    return fc.option(
      arbitraryValue(
        schema.find((branch) => branch !== 'null')!,
        book,
      ),
    );
  const node = resolveNode(schema, book);
  if ('fields' in node) return arbitraryState(node, book);
  if ('items' in node) return fc.array(arbitraryValue(node.items, book), { maxLength: 3 });
  if ('values' in node) return fc.dictionary(fc.string({ minLength: 1 }), arbitraryValue(node.values, book));
  if ('symbols' in node) return fc.constantFrom(...node.symbols);
  return arbitraryScalar(node);
}

function arbitraryScalar({ type, logicalType, scale }: AvroScalar): fc.Arbitrary<Json> {
  switch (logicalType ?? type) {
    case 'uuid':
      return fc.uuid();
    case 'date':
      return arbitraryInstant.map((date) => date.toISOString().slice(0, 10));
    case 'timestamp-millis':
      return arbitraryInstant.map((date) => date.toISOString());
    case 'decimal':
      return arbitraryDecimal(scale ?? 0);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'string':
      return fc.string({ unit: 'binary' });
    default:
      throw new Error(`no arbitrary for ${logicalType ?? type}`);
  }
}

const arbitraryInstant = fc.date({
  noInvalidDate: true,
  min: new Date('0001-01-01T00:00:00.000Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
});

export function arbitraryDecimal(scale: number): fc.Arbitrary<string> {
  return fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }).map((unscaled) => {
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
    return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
  });
}

function shuffled(state: Record<string, Json>, order: fc.Stream<number>): JsonObject {
  return Object.fromEntries(
    Object.entries(state)
      .map((entry) => ({ entry, place: order.next().value as number }))
      .sort((a, b) => a.place - b.place)
      .map(({ entry }) => entry),
  );
}
