import { describe, expect, it } from 'vitest';
import { createCleanupStack } from '../../../src/runtime/cleanup-stack.ts';
import { newId } from '../../../src/runtime/new-id.ts';

function setup() {
  const undone: string[] = [];
  const stack = createCleanupStack();
  const defer = (name: string, error?: Error) =>
    stack.defer(name, async () => {
      undone.push(`${name} begins`);
      await Promise.resolve();
      undone.push(`${name} ends`);
      if (error !== undefined) throw error;
    });
  return { stack, defer, undone };
}

describe('a clean-up stack', () => {
  it('undoes the last first, one after the other', async () => {
    const { stack, defer, undone } = setup();
    defer('pool');
    defer('server');
    await stack.unwind();
    expect(undone).toEqual(['server begins', 'server ends', 'pool begins', 'pool ends']);
  });

  it('undoes everything even when one step fails, and names it', async () => {
    const { stack, defer, undone } = setup();
    const cause = new Error('still busy');
    defer('pool');
    defer('server', cause);
    await expect(stack.unwind()).rejects.toMatchObject({ message: 'cleaning up server failed', cause });
    expect(undone).toContain('pool ends');
  });

  it('reports several failures together', async () => {
    const { stack, defer } = setup();
    defer('pool', new Error('one'));
    defer('server', new Error('two'));
    await expect(stack.unwind()).rejects.toMatchObject({
      errors: [{ message: 'cleaning up server failed' }, { message: 'cleaning up pool failed' }],
    });
  });

  it('does nothing the second time', async () => {
    const { stack, defer, undone } = setup();
    defer('pool');
    await stack.unwind();
    await stack.unwind();
    expect(undone).toHaveLength(2);
  });
});

describe('newId', () => {
  it('makes version 7 ids that sort in the order they were made', () => {
    const ids = Array.from({ length: 1_000 }, newId);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});
