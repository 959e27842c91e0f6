import type { QuarantineCode } from './quarantine-code.ts';

/** A topic stops at `bad` bad records among its last `window`: that is a bad deploy, not a bad message. */
export interface FuseRule {
  readonly window: number;
  readonly bad: number;
}

/** What a record says of its topic: that it is well, or the code for which it goes to quarantine. */
export type FuseSign = 'good' | QuarantineCode;

export interface FuseReading {
  /** The last signs of the topic, oldest first; up to the record that tripped the fuse, if one did. */
  readonly window: readonly FuseSign[];
  /** Index of the record that tripped it, among `signs`. */
  readonly tripsAt: number | null;
}

/** The window once `signs` have gone through it, in their order. Null stands for a record that says nothing: an edit of
 *  our own that came back, or one that is in quarantine already and came again. */
export function readFuse(
  window: readonly FuseSign[],
  signs: readonly (FuseSign | null)[],
  rule: FuseRule,
): FuseReading {
  const last = [...window];
  let bad = last.filter((sign) => sign !== 'good').length;
  for (const [index, sign] of signs.entries()) {
    if (sign === null) continue;
    last.push(sign);
    if (sign !== 'good') bad += 1;
    if (last.length > rule.window && last.shift() !== 'good') bad -= 1;
    if (bad >= rule.bad) return { window: last, tripsAt: index };
  }
  return { window: last, tripsAt: null };
}

/** How many of the signs are bad, by code. */
export function countCodes(signs: readonly FuseSign[]): Partial<Record<QuarantineCode, number>> {
  const codes: Partial<Record<QuarantineCode, number>> = {};
  for (const sign of signs) if (sign !== 'good') codes[sign] = (codes[sign] ?? 0) + 1;
  return codes;
}
