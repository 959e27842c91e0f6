/** Plain JSON: what an entity's state is made of, wherever it comes from (Avro, REST, a patch). */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json | undefined };
