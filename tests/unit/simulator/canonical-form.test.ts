import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { canonicalForm, changedFields, digestOf } from '../../../src/simulator/canonical-form.ts';
import { frontOf, isSealed, signPatch, validatePatch } from '../../../src/simulator/constat-workflow.ts';
import type { JsonObject } from '../../../src/simulator/json.ts';
import { findKind } from '../../../src/simulator/kinds.ts';
import { loadContracts } from '../../../src/simulator/load-contracts.ts';
import type { Contracts } from '../../../src/simulator/load-contracts.ts';
import { createSampleData } from '../../../src/simulator/sample-data.ts';

const claim = findKind('claim')!;
const constat = findKind('constat')!;
const schemas = path.resolve(import.meta.dirname, '../../../schemas');
const sample = () => createSampleData({ seed: 3, providerId: 'saa', today: '2026-01-15' });

let contracts: Contracts;
beforeAll(async () => {
  contracts = await loadContracts(schemas);
});

describe('the canonical form', () => {
  const form = (state: JsonObject) => canonicalForm(contracts, claim, state);

  it('leaves out nulls, defaults, empty lists and the times of writing, and sorts names', () => {
    const state = {
      policyNumber: 'P-1',
      claimId: '6f0d2c1e-8a3b-4c5d-9e7f-0a1b2c3d4e5f',
      currency: 'DZD',
      outcome: null,
      attachments: [],
      createdAt: '2026-01-01T00:00:00.000Z',
      updatedAt: '2026-01-02T00:00:00.000Z',
      estimatedDamage: '100.00',
    };
    expect(form(state)).toBe(
      '{"claimId":"6f0d2c1e-8a3b-4c5d-9e7f-0a1b2c3d4e5f","estimatedDamage":"100.00","policyNumber":"P-1"}',
    );
  });

  it('keeps what is not the default', () => {
    expect(form({ currency: 'EUR' })).toBe('{"currency":"EUR"}');
  });

  it('orders lists by their keys and sets by value, so that their order says nothing', () => {
    const file = (attachmentId: string) => ({
      attachmentId,
      mediaType: 'image/png',
      sizeBytes: 1,
      sha256: 'ab',
      uri: 'x:y',
    });
    expect(form({ attachments: [file('b'), file('a')] })).toBe(form({ attachments: [file('a'), file('b')] }));
    const party = (circumstances: number[]) => ({ parties: [{ role: 'A', circumstances }] });
    expect(canonicalForm(contracts, constat, party([10, 2, 10]))).toBe(
      canonicalForm(contracts, constat, party([2, 10])),
    );
  });

  it('is the same for texts that only differ in their Unicode form', () => {
    expect(form({ outcome: 'refus\u00e9' })).toBe(form({ outcome: 'refuse\u0301' }));
  });

  it('is hashed with SHA-256', () => {
    expect(digestOf(contracts, claim, {})).toBe(createHash('sha256').update('{}').digest('hex'));
  });
});

it('names the fields that an edit changed, as JSON pointers', () => {
  const before = { status: 'OPENED', currency: 'DZD', outcome: null, updatedAt: '2026-01-01T00:00:00.000Z' };
  const after = { status: 'SETTLED', settledAmount: '5.00', updatedAt: '2026-01-02T00:00:00.000Z' };
  expect(changedFields(contracts, claim, before, after)).toEqual(['/settledAmount', '/status']);
});

describe('a signed constat', () => {
  const open = () => sample().constat();
  const signed = () => ({ ...open(), ...signPatch(open(), constat, contracts, '2026-01-15T10:00:00.000Z') });

  it('is sealed with the hash of its front, and stays so once validated', () => {
    expect(isSealed(open())).toBe(false);
    expect(signed().sealedContentHash).toBe(frontOf(signed(), constat, contracts));
    expect(isSealed({ ...signed(), ...validatePatch(signed()) })).toBe(true);
  });

  it('has a front that a driver’s own remarks leave alone, and that its place does not', () => {
    const [a, b] = signed().parties as readonly JsonObject[];
    const remarked = { ...signed(), parties: [{ ...a, remarks: 'je conteste' }, b!] };
    const moved = {
      ...signed(),
      accident: { ...(signed().accident as unknown as JsonObject), place: 'ailleurs' },
    };
    expect(frontOf(remarked, constat, contracts)).toBe(signed().sealedContentHash);
    expect(frontOf(moved, constat, contracts)).not.toBe(signed().sealedContentHash);
  });

  it('is not signed again, and a draft is not validated', () => {
    expect(() => signPatch(signed(), constat, contracts, '')).toThrow('SIGNED');
    expect(() => validatePatch({ status: 'DRAFT' })).toThrow('DRAFT');
  });
});

describe('the vectors of docs/canonical-form.md', () => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/canonical-form.md'), 'utf8');
  const vectors = [
    ...page.matchAll(
      /### (Vector [^\n]+)\n(?:(?!###)[\s\S])*?```json\n([\s\S]*?)```(?:(?!###)[\s\S])*?```text\n(.*)\n```(?:(?!###)[\s\S])*?SHA-256: `([0-9a-f]{64})`/g,
    ),
  ];

  it('are there', () => {
    expect(vectors.length).toBeGreaterThan(0);
  });

  it.each(vectors.map(([, title, state, form, digest]) => [title!, state!, form!, digest!]))(
    '%s',
    (_title, state, form, digest) => {
      const given = JSON.parse(state) as JsonObject;
      expect(canonicalForm(contracts, constat, given)).toBe(form);
      expect(digestOf(contracts, constat, given)).toBe(digest);
    },
  );

  it('and the sealed hash of the signed one', () => {
    const sealedHash = /Sealed hash: `([0-9a-f]{64})`/.exec(page)![1];
    const signedState = JSON.parse(vectors.find(([, title]) => title!.includes('sealed'))![2]!) as JsonObject;
    expect(frontOf(signedState, constat, contracts)).toBe(sealedHash);
  });
});
