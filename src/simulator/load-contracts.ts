import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import avsc from 'avsc';
import type { JsonObject } from './json.ts';
import { LOGICAL_TYPES } from './logical-types.ts';

const NAMESPACE = 'dz.eassurance.events.v1';

/** The contract files that the insurer was given, read once. */
export interface Contracts {
  /** The reader type of one of the contract's records, by its short name. */
  type(record: string): avsc.Type;
  /** The definition of a named type, by short or full name, as it stands in its file or inside another's. */
  definition(name: string): JsonObject | undefined;
}

/** Reads every *.avsc of the folder; a type may name another, wherever it is defined. */
export async function loadContracts(folder: string): Promise<Contracts> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.avsc'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  const roots = new Map(
    texts.map((text) => JSON.parse(text) as JsonObject).map((root) => [fullName(root.name as string), root]),
  );
  const definitions = new Map<string, JsonObject>();
  for (const root of roots.values()) collectDefinitions(root, definitions);
  const registry: Record<string, avsc.Type> = {};
  return {
    type: (record) => {
      const name = fullName(record);
      const root = roots.get(name);
      if (!root)
        throw new Error(
          `The contract folder ${folder} defines no ${name}: it needs the .avsc files of the bridge.`,
        );
      return (registry[name] ??= parse(root, roots, registry));
    },
    definition: (name) => definitions.get(fullName(name)),
  };
}

/** A writer's schema as the registry returns it: complete in itself. */
export function parseWriterSchema(text: string): avsc.Type {
  return avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { logicalTypes: LOGICAL_TYPES });
}

function parse(
  root: JsonObject,
  roots: ReadonlyMap<string, JsonObject>,
  registry: Record<string, avsc.Type>,
): avsc.Type {
  return avsc.Type.forSchema(root as unknown as avsc.Schema, {
    logicalTypes: LOGICAL_TYPES,
    registry,
    // A name that has not been defined yet is defined where it is first met.
    typeHook: (schema: avsc.Schema, options: avsc.ForSchemaOptions) => {
      const named = typeof schema === 'string' ? roots.get(schema) : undefined;
      return named && !registry[schema as string]
        ? avsc.Type.forSchema(named as unknown as avsc.Schema, options)
        : undefined;
    },
  });
}

function collectDefinitions(node: unknown, into: Map<string, JsonObject>): void {
  if (Array.isArray(node)) {
    for (const item of node) collectDefinitions(item, into);
  } else if (typeof node === 'object' && node !== null) {
    const { name, type, fields, items, values } = node as {
      name?: string;
      type?: unknown;
      fields?: unknown;
      items?: unknown;
      values?: unknown;
    };
    if (name !== undefined && (type === 'record' || type === 'enum'))
      into.set(fullName(name), node as JsonObject);
    for (const part of [type, fields, items, values]) collectDefinitions(part, into);
  }
}

function fullName(name: string): string {
  return name.includes('.') ? name : `${NAMESPACE}.${name}`;
}
