import { describe, expect, it } from 'vitest';
import { readSubject } from '../../../src/explain/read-subject.ts';

const exists = {
  topic: (name: string) => name === 'saa-constat.updated',
  kind: (name: string) => name === 'constat',
};
const ID = '0195f3a0-7c1e-7b52-9d7e-3f2a8c4b1e60';
const position = { topic: 'saa-constat.updated', partition: 2, offset: 812n };

describe('readSubject', () => {
  it.each([
    ['saa-constat.updated/2/812', { is: 'position', position }],
    ['saa-constat.updated/2@812', { is: 'position', position }],
    ['saa-constat.updated:2:812', { is: 'position', position }],
    [` ${ID.toUpperCase()} `, { is: 'id', id: ID, kind: null }],
    [`constat/${ID}`, { is: 'id', id: ID, kind: 'constat' }],
    ['SAA/16/2026', { is: 'reference', text: 'SAA/16/2026' }],
    [`lorry/${ID}`, { is: 'reference', text: `lorry/${ID}` }],
    [
      'saa-constat.updated/2/99999999999999999999',
      { is: 'reference', text: 'saa-constat.updated/2/99999999999999999999' },
    ],
    ['00123-119-16', { is: 'reference', text: '00123-119-16' }],
    ['', { is: 'reference', text: '' }],
  ])('takes %j for what it is', (text, subject) => {
    expect(readSubject(text, exists)).toEqual(subject);
  });
});
