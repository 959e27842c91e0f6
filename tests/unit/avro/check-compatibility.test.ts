import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkCompatibility } from '../../../src/avro/check-compatibility.ts';
import { releaseContracts } from '../../../src/avro/release-contracts.ts';
import { SCHEMAS_DIR } from './setup-codec.ts';

interface Field {
  name: string;
  type: unknown;
  default?: unknown;
  doc?: string;
}
interface Schema {
  name: string;
  fields: Field[];
  symbols: string[];
  default?: string;
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'schemas-'));
  for (const file of readdirSync(SCHEMAS_DIR).filter((name) => name.endsWith('.avsc')))
    cpSync(path.join(SCHEMAS_DIR, file), path.join(dir, file));
  releaseContracts([dir]);
});
afterEach(() => rmSync(dir, { recursive: true }));

function edit(file: string, change: (schema: Schema) => void): void {
  const at = path.join(dir, `${file}.avsc`);
  const schema = JSON.parse(readFileSync(at, 'utf8')) as Schema;
  change(schema);
  writeFileSync(at, JSON.stringify(schema));
}
const field = (schema: Schema, name: string) => schema.fields.find((candidate) => candidate.name === name)!;
const remove = (schema: Schema, name: string) =>
  void (schema.fields = schema.fields.filter((candidate) => candidate.name !== name));
const check = () => checkCompatibility([dir]).breaks;

describe('the contracts of this project', () => {
  it('are compatible with every released version, and released', () => {
    expect(checkCompatibility([SCHEMAS_DIR])).toMatchObject({ breaks: [], unreleased: [], records: 7 });
  });
});

describe('a change that both sides survive', () => {
  it.each<readonly [string, string, (schema: Schema) => void]>([
    [
      'a field with a default is added',
      'accident',
      (schema) =>
        void schema.fields.push({
          name: 'weather',
          type: ['null', 'string'],
          default: null,
          doc: 'Weather.',
        }),
    ],
    ['a field with a default is removed', 'accident', (schema) => remove(schema, 'communeCode')],
    ['a symbol is added', 'plate-type', (schema) => void schema.symbols.unshift('MILITARY')],
    ['a doc is reworded', 'accident', (schema) => void (field(schema, 'place').doc = 'Where.')],
  ])('%s', (_name, file, change) => {
    edit(file, change);
    expect(checkCompatibility([dir])).toMatchObject({ breaks: [] });
    expect(checkCompatibility([dir]).unreleased).toContain('ConstatCreated');
    const [written] = releaseContracts([dir]);
    expect(written).toBe(path.join(dir, 'baseline', 'v2'));
    expect(checkCompatibility([dir])).toMatchObject({ breaks: [], unreleased: [], versions: 2 });
    expect(releaseContracts([dir])).toEqual([]);
  });
});

describe('a change that breaks somebody is told in one sentence:', () => {
  it.each<readonly [string, string, (schema: Schema) => void, string]>([
    [
      'a field without default removed',
      'accident',
      (schema) => remove(schema, 'place'),
      "Accident.place was removed and had no default: readers on version 1 can't read new events",
    ],
    [
      'a field without default added',
      'accident',
      (schema) => void schema.fields.push({ name: 'weather', type: 'string', doc: 'Weather.' }),
      "Accident.weather was added without a default: today's readers can't read events of version 1",
    ],
    [
      'a field retyped',
      'party',
      (schema) => void (field(schema, 'circumstances').type = { type: 'array', items: 'long' }),
      "Party.circumstances changed from int to long: readers on version 1 and today's can't read each other's events",
    ],
    [
      'a scale changed',
      'claim',
      (schema) =>
        void (field(schema, 'settledAmount').type = [
          'null',
          { type: 'bytes', logicalType: 'decimal', precision: 15, scale: 3 },
        ]),
      "Claim.settledAmount changed from decimal(15,2) to decimal(15,3): readers on version 1 and today's can't read each other's events",
    ],
    [
      'a logical type dropped',
      'claim',
      (schema) => void (field(schema, 'constatId').type = ['null', 'string']),
      "Claim.constatId changed from uuid to string: readers on version 1 and today's can't read each other's events",
    ],
    [
      'a field made optional',
      'accident',
      (schema) => Object.assign(field(schema, 'place'), { type: ['null', 'string'], default: null }),
      "Accident.place became null or string: readers on version 1, which expect string, can't read new events",
    ],
    [
      'a field made mandatory',
      'accident',
      (schema) => Object.assign(field(schema, 'wilayaCode'), { type: 'string', default: '' }),
      "Accident.wilayaCode became string only: today's readers can't read events of version 1 in which it is one of null or string",
    ],
    [
      'a default lost',
      'accident',
      (schema) => void delete field(schema, 'country').default,
      "Accident.country lost its default: today's readers can't read events of a version that goes without it",
    ],
    [
      'a default changed',
      'accident',
      (schema) => void (field(schema, 'country').default = 'FR'),
      'Accident.country has another default than on version 1: the two would read different values from events that leave it out',
    ],
    [
      'a symbol removed',
      'plate-type',
      (schema) => void (schema.symbols = schema.symbols.filter((symbol) => symbol !== 'FOREIGN')),
      "PlateType lost the symbol FOREIGN: today's readers take it for UNKNOWN in events of version 1",
    ],
    [
      'null no longer first',
      'witness',
      (schema) => void (field(schema, 'name').type = ['string', 'null']),
      'Witness.name lists its types as string or null, on version 1 as null or string: null must stay first, or the default null no longer fits',
    ],
    [
      'the order of a list changed',
      'constat',
      (schema) =>
        void (field(schema, 'witnesses').type = {
          type: 'array',
          items: 'dz.eassurance.events.v1.Witness',
          listKey: 'name',
        }),
      'Constat.witnesses is ordered by name, on version 1 by personRef: the two would compute different digests',
    ],
  ])('%s', (_name, file, change, sentence) => {
    edit(file, change);
    expect(check()).toContain(sentence);
    expect(() => releaseContracts([dir])).toThrow(sentence);
  });

  it('a record renamed', () => {
    edit('witness', (schema) => void (schema.name = 'Bystander'));
    edit(
      'constat',
      (schema) =>
        void (field(schema, 'witnesses').type = {
          type: 'array',
          items: 'dz.eassurance.events.v1.Bystander',
          listKey: 'personRef',
        }),
    );
    expect(check()).toEqual([
      "Constat.witnesses was of the record Witness and is of Bystander: readers on version 1 and today's can't read each other's events",
    ]);
  });

  it('an event removed', () => {
    rmSync(path.join(dir, 'policy-updated.avsc'));
    expect(check()).toEqual([
      "PolicyUpdated was removed: its topic's events of version 1 could not be read any more",
    ]);
  });

  it('a break with an old version that the newest does not show', () => {
    edit('accident', (schema) => remove(schema, 'communeCode'));
    releaseContracts([dir]);
    edit(
      'accident',
      (schema) =>
        void schema.fields.push({
          name: 'communeCode',
          type: ['null', 'int'],
          default: null,
          doc: 'Commune.',
        }),
    );
    expect(check()).toEqual([
      "Accident.communeCode changed from string to int: readers on version 1 and today's can't read each other's events",
    ]);
  });
});

describe('the rules of the contracts', () => {
  it.each<readonly [string, string, (schema: Schema) => void, string]>([
    [
      'a field says what it means',
      'accident',
      (schema) => void delete field(schema, 'place').doc,
      'Accident.place has no doc: say meaning, unit and format',
    ],
    [
      'an enum has UNKNOWN to fall back on',
      'plate-type',
      (schema) => void delete schema.default,
      'PlateType has no default symbol UNKNOWN: readers on this version could not read a symbol added later',
    ],
    [
      'an optional field defaults to null',
      'witness',
      (schema) => void delete field(schema, 'name').default,
      'Witness.name can be null and has no default null: readers could not do without it',
    ],
  ])('%s', (_name, file, change, sentence) => {
    edit(file, change);
    expect(check()).toContain(sentence);
  });
});
