import type { Buffer } from 'node:buffer';
import avsc from 'avsc';
import { AvroInput } from './avro-input.ts';
import type { DecimalType } from './avro-types.ts';
import { readDate, readDecimal, readInstant, readUuid, Unreadable } from './logical-values.ts';

/** Reads Avro bytes as plain JSON of the type they were written with; throws Unreadable at the first fault. */
export type BytesReader = (bytes: Buffer) => unknown;

/** avsc trusts lengths and counts: a few corrupt bytes that say "four billion elements" would keep it busy for minutes, and
 *  with it every other partition; and it calls several functions for every value. Here the walk over the type is unrolled
 *  into generated code, a function per record, that reads an event from an AvroInput in one pass and trusts nothing:
 *  every number is one that JSON can hold, every string UTF-8, and the bytes end where the value ends. Nothing but names of
 *  fields goes into the code, as literals. The unit tests compare what comes out with avsc.
 *  Throws Unreadable for a type that no event can have. */
export function compileReader(type: avsc.Type): BytesReader {
  const program = new ReaderProgram();
  const root = program.expression(type, []);
  const input = new AvroInput();
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the docstring above says why
  const bind = new Function(
    ...['input', 'constants', 'logical'],
    `${program.functions.join('\n')}
     return () => ${root};`,
  ) as (...bound: readonly unknown[]) => () => unknown;
  const read = bind(input, program.constants, { readDate, readDecimal, readInstant, readUuid });
  return (bytes) => {
    input.open(bytes);
    try {
      const value = read();
      if (!input.isAtEnd()) throw new Unreadable('bytes are left over after the end of the record');
      return value;
    } finally {
      input.close();
    }
  };
}

class ReaderProgram {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  readonly #named = new Map<avsc.Type, string>();

  /** The code of an expression that reads a value of the type; `trail` has the types around it. */
  expression(type: avsc.Type, trail: readonly avsc.Type[]): string {
    if (trail.includes(type)) throw new Unreadable("the writer's schema contains itself");
    const inner = (part: avsc.Type) => this.expression(part, [...trail, type]);
    if (avsc.Type.isType(type, 'logical')) return this.#logical(type as avsc.types.LogicalType, inner);
    if (avsc.Type.isType(type, 'union')) {
      const branches = (type as avsc.types.UnwrappedUnionType).types as readonly avsc.Type[];
      return this.#union(branches.map(inner));
    }
    switch (type.typeName) {
      case 'record':
        return this.#record(type as avsc.types.RecordType, inner);
      case 'array':
        return this.#array(inner((type as avsc.types.ArrayType).itemsType));
      case 'map':
        return this.#map(inner((type as avsc.types.MapType).valuesType as avsc.Type));
      case 'enum': {
        const { symbols } = type as avsc.types.EnumType;
        return `${this.#constant(symbols)}[input.choice(${symbols.length}, 'an enum')]`;
      }
      case 'fixed':
        return `input.fixed(${(type as avsc.types.FixedType).size})`;
      case 'bytes':
        return 'input.fixed(input.long())';
      case 'null':
        return 'null';
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'string':
        return `input.${type.typeName}()`;
      default:
        throw new Unreadable(`the writer's schema has the unknown type ${type.typeName}`);
    }
  }

  #logical(type: avsc.types.LogicalType, inner: (part: avsc.Type) => string): string {
    const { underlyingType } = type;
    const plain = inner(underlyingType);
    switch (type.typeName) {
      case 'logical:uuid':
        return underlyingType.typeName === 'string' ? 'input.uuid()' : `logical.readUuid(${plain})`;
      case 'logical:date':
        return `logical.readDate(${plain})`;
      case 'logical:timestamp-millis':
        return `logical.readInstant(${plain})`;
      case 'logical:decimal': {
        const { precision, scale } = type as DecimalType;
        return `logical.readDecimal(${plain}, ${precision}, ${scale})`;
      }
      default:
        throw new Unreadable(`the writer's schema has the unknown logical type ${type.typeName}`);
    }
  }

  #union(branches: readonly string[]): string {
    const index = `input.choice(${branches.length}, 'a union')`;
    if (branches.length === 2) return `(${index} === 0 ? ${branches[0]} : ${branches[1]})`;
    return this.#call(
      `switch (${index}) { ${branches.map((branch, i) => `case ${i}: return ${branch};`).join(' ')} }`,
    );
  }

  #record(type: avsc.types.RecordType, inner: (part: avsc.Type) => string): string {
    let name = this.#named.get(type);
    if (name === undefined) {
      const fields = type.fields.map((field) => `${key(field.name)}: ${inner(field.type)}`);
      this.#named.set(type, (name = this.#call(`return { ${fields.join(', ')} };`)));
    }
    return name;
  }

  #array(item: string): string {
    return this.#call(`const list = []; ${eachElement(`list.push(${item});`)} return list;`);
  }

  #map(value: string): string {
    return this.#call(`const map = {}; ${eachElement(`map[input.string()] = ${value};`)} return map;`);
  }

  #call(body: string): string {
    const name = `read${this.functions.length}`;
    this.functions.push(`function ${name}() { ${body} }`);
    return `${name}()`;
  }

  #constant(value: unknown): string {
    return `constants[${this.constants.push(value) - 1}]`;
  }
}

/** In brackets a name is a name also where JavaScript means something else by it. */
function key(name: string): string {
  return name === '__proto__' ? `["${name}"]` : JSON.stringify(name);
}

/** The blocks of an array or map. */
function eachElement(read: string): string {
  return `
    for (let count = input.count(); count > 0; count = input.count()) {
      const end = input.blockEnd;
      for (let i = 0; i < count; i++) { ${read} }
      input.endBlock(end);
    }`;
}
