import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { MUTATIONS } from './mutations.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('every mutant', () => {
  it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    'finds its place in the code: %s',
    async (_name, { file, find }) => {
      const pieces = (await readFile(path.join(root, file), 'utf8')).split(find);
      expect(pieces).toHaveLength(2);
    },
  );
});
