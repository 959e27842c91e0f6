import { expect, it } from 'vitest';
import { armCrashPoint, CRASH_POINTS, reach } from '../../../src/runtime/crash-points.ts';

it('Nothing happens at any point until one is armed; then it happens there, at the passage asked for, once', () => {
  let crashes = 0;
  CRASH_POINTS.forEach(reach);
  armCrashPoint('relay:sent', 2, () => (crashes += 1));
  CRASH_POINTS.forEach(reach);
  expect(crashes).toBe(0);
  CRASH_POINTS.forEach(reach);
  CRASH_POINTS.forEach(reach);
  expect(crashes).toBe(1);
});

it('No two points have one name', () => {
  expect(new Set(CRASH_POINTS).size).toBe(CRASH_POINTS.length);
});
