import { describe, expect, it } from 'vitest';
import { createMavenProgress } from '../../../src/embedded/maven-progress.ts';

function linesFor(chunks: readonly string[]): string[] {
  const lines: string[] = [];
  const feed = createMavenProgress((line) => lines.push(line));
  for (const chunk of chunks) feed(chunk);
  return lines;
}

describe('createMavenProgress', () => {
  it('tells every tenth part of the big download, however the output is cut', () => {
    const output = Array.from({ length: 110 }, (_, mb) => `Progress (1): ${mb}/109 MB\r`).join('');
    const whole = linesFor([output]);
    expect(whole).toHaveLength(10);
    expect(whole[0]).toContain('10 %');
    expect(whole.at(-1)).toContain('100 %');
    expect(linesFor([...output])).toEqual(whole);
  });

  it('tells every tenth jar and says nothing about poms', () => {
    const jar = 'Downloaded from central: https://repo/x.jar (1.2 MB at 3 MB/s)\n';
    const pom = 'Downloaded from central: https://repo/x.pom (1.2 kB at 3 MB/s)\n';
    expect(linesFor([(jar + pom).repeat(25)])).toEqual(['  10 files fetched', '  20 files fetched']);
  });

  it('does not take a small file for the big one', () => {
    expect(linesFor(['Progress (2): 1.2/4.5 MB | 12/90 kB\r'])).toEqual([]);
  });
});
