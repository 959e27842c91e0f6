import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../domain/errors.ts';
import type { KindDefinition } from '../domain/kind.ts';

/** Every kind found as `<dir>/<kind>/kind.ts` (its default export), by name. A folder without `kind.ts` is not a kind.
 *  Throws UsageError when a file exports no kind, or one whose name is not its folder's, or when two kinds share a name
 *  or a collection. */
export async function loadKinds(kindsDirs: readonly string[]): Promise<ReadonlyMap<string, KindDefinition>> {
  const kinds = new Map<string, KindDefinition>();
  const collections = new Map<string, string>();
  for (const file of await findKindFiles(kindsDirs)) {
    const kind = await importKind(file);
    const earlier = kinds.has(kind.name) ? kind.name : collections.get(kind.collection);
    if (earlier !== undefined) {
      throw new UsageError(
        `${file} declares the kind ${kind.name} with the collection ${kind.collection}, which the kind ${earlier} already has: rename one of them`,
      );
    }
    kinds.set(kind.name, kind);
    collections.set(kind.collection, kind.name);
  }
  return kinds;
}

async function findKindFiles(kindsDirs: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const directory of kindsDirs) {
    const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
      throw new UsageError(`the directory of kinds ${directory} can't be read: correct KINDS_DIRS`, {
        cause,
      });
    });
    const candidates = entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => path.join(directory, entry.name, 'kind.ts'));
    for (const file of candidates.sort()) {
      const found = await stat(file).catch(() => null);
      if (found?.isFile()) files.push(file);
    }
  }
  return files;
}

async function importKind(file: string): Promise<KindDefinition> {
  const module = (await import(pathToFileURL(file).href)) as { default?: Partial<KindDefinition> };
  const kind = module.default;
  const folder = path.basename(path.dirname(file));
  const missing = (
    ['name', 'collection', 'idField', 'events', 'columns', 'filters', 'atoms'] as const
  ).filter((field) => kind?.[field] === undefined);
  if (kind === undefined || missing.length > 0) {
    throw new UsageError(
      `${file} must export a KindDefinition as its default; it lacks ${missing.join(', ')}`,
    );
  }
  if (kind.name !== folder) {
    throw new UsageError(`${file} names its kind "${kind.name}": name it like its folder, "${folder}"`);
  }
  return kind as KindDefinition;
}
