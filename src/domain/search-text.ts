const DEFAULT_MAX = 200;

/** A value as an index can hold it: at most `max` UTF-16 units in NFC, without U+0000 and lone surrogates, without space
 *  around it; null when nothing is left or the value is no text or number. Never throws. */
export function searchText(value: unknown, max: number = DEFAULT_MAX): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = String(value);
  if (text.length <= max && PRINTABLE_ASCII.test(text)) return text.trim() || null;
  const cleaned = text.slice(0, max).replaceAll('\u0000', '').replace(LONE_SURROGATES, '').normalize('NFC');
  const bounded = cleaned.slice(0, max).replace(LONE_SURROGATES, '').trim();
  return bounded === '' ? null : bounded;
}

/** Most of what comes, and nothing to clean in it. */
const PRINTABLE_ASCII = /^[ -~]*$/;
const LONE_SURROGATES = /\p{Surrogate}/gu;
