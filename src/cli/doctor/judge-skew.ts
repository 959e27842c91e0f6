import { pass, warn, type Finding } from './finding.ts';

/** No clock decides anything here, but ages and lags are told by them. */
const WORTH_A_WARNING_MS = 2_000;

/** Another clock against ours, read between two looks at ours: what the way there and back may explain is no skew.
 *  `precisionMs`: how finely the other tells its time. */
export function judgeSkew(
  name: string,
  whose: string,
  theirsMs: number,
  askedMs: number,
  answeredMs: number,
  precisionMs = 1,
): Finding {
  const ahead = theirsMs - answeredMs;
  const behind = askedMs - (theirsMs + precisionMs);
  const skewMs = Math.max(ahead, behind, 0);
  if (skewMs < WORTH_A_WARNING_MS) return pass(name, `${whose} agrees with ours.`);
  const seconds = (skewMs / 1_000).toFixed(1);
  return warn(
    name,
    `${whose} is ${seconds} s ${ahead > behind ? 'ahead of' : 'behind'} ours: lags and ages are off by as much.`,
    'let both machines follow the same time servers (chrony)',
  );
}
