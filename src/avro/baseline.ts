import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../domain/errors.ts';
import { shortName } from './avro-schema.ts';
import type { AvroRecord, AvroSchema, SchemaBook } from './avro-schema.ts';
import { hoistNames } from './compose-schemas.ts';

/** One released version of the contracts of one directory: `<dir>/baseline/v<number>/<record>.avsc`, composed. */
export interface ReleasedVersion {
  readonly number: number;
  /** Event records by full name. */
  readonly records: ReadonlyMap<string, ReleasedRecord>;
}
export interface ReleasedRecord {
  readonly schema: AvroSchema;
  readonly book: SchemaBook;
}

/** Every version that was ever released from the directory, oldest first; empty before the first release. */
export function readBaseline(schemasDir: string): readonly ReleasedVersion[] {
  const root = path.join(schemasDir, 'baseline');
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter((name) => /^v[1-9]\d*$/.test(name))
    .map((name) => ({ number: Number(name.slice(1)), records: readRecords(path.join(root, name)) }))
    .sort((a, b) => a.number - b.number);
}

/** Writes the composed records as the next version. Versions that were released are never touched. */
export function writeBaseline(schemasDir: string, number: number, records: readonly AvroRecord[]): string {
  const dir = path.join(schemasDir, 'baseline', `v${number}`);
  mkdirSync(dir, { recursive: true });
  for (const record of records)
    writeFileSync(path.join(dir, `${kebabCase(record.name)}.avsc`), `${JSON.stringify(record, null, 2)}\n`, {
      flag: 'wx',
    });
  return dir;
}

function readRecords(dir: string): ReadonlyMap<string, ReleasedRecord> {
  const records = new Map<string, ReleasedRecord>();
  for (const name of readdirSync(dir).filter((file) => file.endsWith('.avsc'))) {
    const file = path.join(dir, name);
    try {
      const schema = JSON.parse(readFileSync(file, 'utf8')) as AvroRecord;
      records.set(`${schema.namespace}.${schema.name}`, { schema, book: hoistNames(schema).book });
    } catch (cause) {
      throw new UsageError(
        `${file} can't be read: ${(cause as Error).message}: restore it, a released version never changes`,
        {
          cause,
        },
      );
    }
  }
  return records;
}

function kebabCase(name: string): string {
  return shortName(name)
    .replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase();
}
