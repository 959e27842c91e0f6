const E164 = /^\+[1-9]\d{6,14}$/;
/** Nine digits for a mobile (5, 6, 7 …), eight for a fixed line (2, 3, 4 …). */
const ALGERIAN = /^\+213([5-9]\d{8}|[2-4]\d{7})$/;
const SEPARATORS = /[\s().\-/]/g;

/** A telephone number in E.164, read from the ways it is written in Algeria: separators, 00 for +, a leading 0 for +213.
 *  Null when it can't be one. */
export function normalisePhone(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 40) return null;
  const compact = value.replaceAll(SEPARATORS, '');
  const international = compact.replace(/^00/, '+').replace(/^0(?=[2-9])/, '+213');
  return isPhone(international) ? international : null;
}

/** Whether the value is a telephone number as the contract has it: E.164, and for Algeria a mobile or fixed number. */
export function isPhone(value: string): boolean {
  return E164.test(value) && (!value.startsWith('+213') || ALGERIAN.test(value));
}
