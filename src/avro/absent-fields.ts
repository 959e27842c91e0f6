import type avsc from 'avsc';

/** Fields of the reader that the writer's schema lacks, as paths of field names joined by a slash, with an asterisk for the
 *  elements of a list: what such a writer leaves out it has not deleted (`restoreAbsent` in the domain). */
export function findAbsentFields(reader: avsc.Type, writer: avsc.Type): readonly string[] {
  const [ours, theirs] = [structured(reader), structured(writer)];
  if (ours?.typeName === 'record' && theirs?.typeName === 'record') {
    const known = new Map((theirs as avsc.types.RecordType).fields.map((field) => [field.name, field.type]));
    return (ours as avsc.types.RecordType).fields.flatMap(({ name, type }) => {
      const written = known.get(name);
      if (written === undefined) return [name];
      return findAbsentFields(type, written).map((path) => `${name}/${path}`);
    });
  }
  if (ours?.typeName === 'array' && theirs?.typeName === 'array') {
    const items = [ours, theirs].map((type) => (type as avsc.types.ArrayType).itemsType);
    return findAbsentFields(items[0]!, items[1]!).map((path) => `*/${path}`);
  }
  return [];
}

/** The record or list behind a type, or behind the one branch of a union that is not null. */
function structured(type: avsc.Type): avsc.Type | undefined {
  if (!type.typeName.startsWith('union')) return type;
  return (type as avsc.types.UnwrappedUnionType).types.find((branch) => branch.typeName !== 'null');
}
