import * as z from 'zod';

/** The schema of a JSON merge patch (RFC 7396) for documents of `schema`: every field may be left out, null takes away
 *  what may be absent, objects are patched field by field, and everything else, lists too, is replaced as a whole. */
export function mergePatchOf(schema: z.ZodObject): z.ZodObject {
  const shape = Object.fromEntries(
    Object.entries(schema.shape).map(([name, field]) => [name, patchField(field as z.ZodType)]),
  );
  return z.strictObject(shape);
}

function patchField(field: z.ZodType): z.ZodType {
  let inner = field;
  let removable = false;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) {
    inner = inner.unwrap() as z.ZodType;
    removable = true;
  }
  const patch = inner instanceof z.ZodObject ? mergePatchOf(inner) : inner;
  return removable ? patch.nullish() : patch.optional();
}
