import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { avroType } from '../../../src/avro/avro-types.ts';
import { composeSchema, readSchemas } from '../../../src/avro/compose-schemas.ts';
import { loadContracts } from '../../../src/avro/load-contracts.ts';
import { contracts } from './setup-codec.ts';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(path.join(tmpdir(), 'schemas-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const write = (name: string, schema: unknown) =>
  writeFileSync(path.join(dir, name), typeof schema === 'string' ? schema : JSON.stringify(schema));
const record = (name: string, ...fields: readonly unknown[]) => ({
  type: 'record',
  name,
  namespace: 'x',
  fields,
});

describe('composing', () => {
  it('writes every named type out once and refers to it after that', () => {
    write(
      'a.avsc',
      record(
        'A',
        { name: 'one', type: 'x.B' },
        { name: 'two', type: ['null', 'B'] },
        { name: 'all', type: { type: 'array', items: 'x.B' } },
      ),
    );
    write('b.avsc', record('B', { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['K'] } }));
    const composed = composeSchema(readSchemas([dir]).book, 'x.A');
    expect(JSON.stringify(composed).match(/"name":"B"/g)).toHaveLength(1);
    expect(composed.fields.map(({ type }) => type).slice(1)).toEqual([
      ['null', 'x.B'],
      { type: 'array', items: 'x.B' },
    ]);
    expect(avroType(composed).name).toBe('x.A');
  });

  it('takes several directories, and a second one may refer to the first', () => {
    const other = path.join(dir, '..', path.basename(dir));
    write('a.avsc', record('A', { name: 'b', type: 'string' }));
    expect(() => readSchemas([dir, other])).toThrow(/x\.A is defined in .*a\.avsc already/);
  });

  it('finds the state of each event record of the project, and its shape', () => {
    expect(
      [...contracts.events.values()].map(({ record: name, stateField }) => [
        name.split('.').at(-1),
        stateField,
      ]),
    ).toEqual([
      ['ClaimCreated', 'claim'],
      ['ClaimProcessed', 'claim'],
      ['ConstatCreated', 'constat'],
      ['ConstatUpdated', 'constat'],
      ['PolicyUpdated', 'policy'],
      ['SharedVehicleVerified', 'verification'],
      ['VehicleVerified', 'vehicle'],
    ]);
    const shape = contracts.shapeOf('dz.eassurance.events.v1.ConstatCreated', 'constat');
    expect(shape).toBe(contracts.shapeOf('ConstatUpdated', 'constat'));
    expect(shape).toMatchObject({
      type: 'record',
      fields: {
        parties: { shape: { type: 'list', key: 'role' } },
        witnesses: { shape: { type: 'list', key: 'personRef' }, default: [] },
        attachments: { shape: { type: 'list', key: 'attachmentId' } },
        accident: {
          shape: { type: 'record', fields: { country: { shape: { type: 'scalar' }, default: 'DZ' } } },
        },
      },
    });
  });
});

describe('a fault is told with its file:', () => {
  it.each([
    ['no JSON', '{', /a\.avsc: .*JSON/],
    [
      'a reference to nothing',
      record('A', { name: 'b', type: ['null', 'x.Drver'] }),
      /a\.avsc: A\.b refers to x\.Drver, which no file defines/,
    ],
    ['a cycle', record('A', { name: 'next', type: ['null', 'A'] }), /a\.avsc: x\.A → x\.A is a cycle/],
    ['a name used twice', record('A', { name: 'b', type: record('A') }), /a\.avsc: x\.A is defined twice/],
    ['a field without type', record('A', { name: 'b' }), /a\.avsc: A\.b has no type/],
  ])('%s', (_name, schema, message) => {
    write('a.avsc', schema);
    expect(() => readSchemas([dir])).toThrow(message);
  });

  it('a cycle over two files', () => {
    write('a.avsc', record('A', { name: 'b', type: 'x.B' }));
    write('b.avsc', record('B', { name: 'a', type: ['null', 'x.A'] }));
    expect(() => readSchemas([dir])).toThrow(/a\.avsc: x\.A → x\.B → x\.A is a cycle/);
  });

  it('a directory that is not there, and all faults at once', () => {
    write('a.avsc', record('A', { name: 'b', type: 'x.Missing' }));
    expect(() => readSchemas([dir, '/nowhere'])).toThrow(
      /no such directory[^]*x\.Missing|x\.Missing[^]*no such directory/,
    );
  });

  it('an event record with two states', () => {
    write(
      'a.avsc',
      record(
        'A',
        { name: 'meta', type: 'string' },
        { name: 'b', type: 'string' },
        { name: 'c', type: 'string' },
      ),
    );
    expect(() => loadContracts([dir])).toThrow(/a\.avsc: A must have exactly one field beside meta/);
  });

  it('a list of records that nothing tells apart', () => {
    write('a.avsc', record('A', { name: 'meta', type: 'string' }, { name: 'b', type: 'x.B' }));
    write(
      'b.avsc',
      record('B', {
        name: 'items',
        type: { type: 'array', items: record('C', { name: 'id', type: 'string' }) },
      }),
    );
    expect(() => loadContracts([dir]).shapeOf('x.A', 'b')).toThrow(
      /B\.items is a list of records: "listKey" must name/,
    );
  });
});
