import { statfs } from 'node:fs/promises';
import { fail, pass, warn, type Check, type Finding } from './finding.ts';

const GB = 1e9;

/** Where we run: Node, and room on the disk. */
export function checkHost(): readonly Check[] {
  return [
    { name: 'node', run: async () => [checkNode()] },
    { name: 'disk', run: async () => [await checkDisk(process.cwd())] },
  ];
}

function checkNode(): Finding {
  const { version, features } = process;
  return features.typescript === false
    ? fail(
        'node',
        `Node ${version} does not run TypeScript.`,
        'use the version that package.json pins: npm run bridge -- …',
      )
    : pass('node', `Node ${version}.`);
}

async function checkDisk(folder: string): Promise<Finding> {
  const { bavail, bsize, blocks } = await statfs(folder);
  const free = bavail * bsize;
  const sentence = `${(free / GB).toFixed(1)} GB of ${((blocks * bsize) / GB).toFixed(0)} GB are free at ${folder}.`;
  if (free < 0.2 * GB) return fail('disk', sentence, 'free some: logs can no longer be written');
  return free < GB ? warn('disk', sentence, 'free some soon') : pass('disk', sentence);
}
