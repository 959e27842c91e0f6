/** Turns what Maven prints while it downloads into a few lines for people: every tenth small file, and every tenth part
 *  of a big one. Feed it Maven's output as it comes, in chunks of any size. */
export function createMavenProgress(onProgress: (line: string) => void): (chunk: string) => void {
  let rest = '';
  let files = 0;
  let tenths = 0;
  return (chunk) => {
    const pieces = (rest + chunk).split(/[\r\n]/);
    rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      if (/^Downloaded from .*\.(jar|tar\.gz) /.test(piece)) {
        files += 1;
        if (files % 10 === 0) onProgress(`  ${files} files fetched`);
      }
      const [, done, total] = /(\d+(?:\.\d+)?)\/(\d{3,}) MB/.exec(piece) ?? [];
      if (done === undefined || total === undefined) continue;
      const reached = Math.floor((Number(done) / Number(total)) * 10);
      if (reached > tenths) onProgress(`  ${reached * 10} % of ${total} MB (schema registry)`);
      tenths = Math.max(tenths, reached);
    }
  };
}
