/** PostgreSQL takes any text but U+0000, and JSON no lone surrogate either. What people or providers wrote is kept as
 *  far as it can be: each such character becomes U+FFFD, the replacement character. */
export function storableText(text: string, maxLength = Infinity): string {
  return text.slice(0, maxLength).toWellFormed().replaceAll('\0', '\uFFFD');
}

/** JSON text of plain data, storable as jsonb. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'string') return storableText(inner);
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, entry]) => [storableText(key), entry]));
  });
}

const YEAR_1_MS = Date.parse('0001-01-01T00:00:00Z');
const YEAR_9999_MS = Date.parse('9999-12-31T00:00:00Z');

/** An author's clock can claim any time at all; the nearest one that PostgreSQL and people can read. */
export function storableInstant(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, YEAR_1_MS), YEAR_9999_MS);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** An id of a bigint column: what fits it and is written as PostgreSQL writes it. */
export function isRowId(text: string): boolean {
  return /^[1-9][0-9]{0,17}$/.test(text);
}
