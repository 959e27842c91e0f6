import * as z from 'zod';

/** Builds the two faces of one contract. A request may leave out what has a default, may not use the symbol UNKNOWN
 *  (it stands for "a symbol that this side does not know") and may not hold fields that the contract lacks. A response
 *  holds every field, null where there is nothing. Neither checks rules of the form: those are judged with the whole
 *  state, so that what a provider got wrong does not stop staff from mending something else in the same list. */
export interface SchemaSide {
  readonly name: 'request' | 'response';
  /** A record; shown in the OpenAPI document under `id`. */
  readonly object: (id: string, description: string, shape: z.ZodRawShape) => z.ZodObject;
  /** An enum of the contract, without its UNKNOWN. */
  readonly symbols: (...names: readonly [string, ...string[]]) => z.ZodType;
  /** A field that may hold nothing. */
  readonly maybe: (type: z.ZodType) => z.ZodType;
  /** A field with a default. */
  readonly defaulted: (type: z.ZodType) => z.ZodType;
}

export const REQUEST: SchemaSide = {
  name: 'request',
  object: (id, description, shape) => z.strictObject(shape).meta({ id, description }),
  symbols: (...names) => z.enum(names),
  maybe: (type) => type.nullish(),
  defaulted: (type) => type.optional(),
};

export const RESPONSE: SchemaSide = {
  name: 'response',
  object: (id, description, shape) => z.object(shape).meta({ id: `${id}Shown`, description }),
  symbols: (...names) => z.enum([...names, 'UNKNOWN']),
  maybe: (type) => type.nullable(),
  defaulted: (type) => type,
};

/** UTF-16 without half surrogate pairs: what UTF-8, and so Kafka, cannot carry unchanged. */
export const text = (description: string, example?: string) =>
  z
    .string()
    .refine((value) => value.isWellFormed(), {
      message: 'Invalid text: half a surrogate pair',
      params: { code: 'wrong-format' },
    })
    .meta({ description, ...(example === undefined ? {} : { example }) });

export const uuid = (description: string) =>
  z.guid().meta({ description, format: 'uuid', example: '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60' });
export const day = (description: string) => z.iso.date().meta({ description, example: '2026-03-14' });
export const instant = (description: string) =>
  z.iso.datetime().meta({ description, example: '2026-03-14T09:30:00.000Z' });
export const whole = (description: string) => z.int32().meta({ description });
export const decimalDegrees = (description: string) => z.number().meta({ description });
