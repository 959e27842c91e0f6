import { Buffer } from 'node:buffer';
import path from 'node:path';
import { z } from 'zod';

/** The values that settings are made of. Each is a zod schema over one environment variable, with a message that says
 *  what is wrong without ever repeating the value (it may be a secret). */

const absent = 'is missing';

export const text = z.string({ error: absent });

export function url(...protocols: readonly string[]) {
  return text.refine(
    (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol.slice(0, -1)),
    `is not an address that starts with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  );
}

/** `host:port,host:port` */
export const hostList = text
  .transform((value) => splitList(value, ','))
  .refine(
    (hosts) =>
      hosts.length > 0 && hosts.every((host) => /^[^\s:/]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(host)),
    'is not a comma-separated list of host:port',
  );

export const flag = z
  .enum(['true', 'false'], { error: 'is neither true nor false' })
  .transform((value) => value === 'true');

export const port = text
  .refine(
    (value) => /^\d{1,5}$/.test(value) && Number(value) <= 65535,
    'is not a port number between 0 and 65535',
  )
  .transform(Number);

export function wholeNumber(min: number, max: number) {
  return text
    .refine(
      (value) => /^\d{1,9}$/.test(value) && Number(value) >= min && Number(value) <= max,
      `is not a whole number from ${min} to ${max}`,
    )
    .transform(Number);
}

export function oneOf<const Choice extends string>(...choices: readonly Choice[]) {
  return z.enum(choices, { error: `is none of ${choices.join(', ')}` });
}

/** At least 32 random bytes, in hex or base64. */
export const secretKey = text
  .transform(decodeKey)
  .refine((key) => key.length >= 32, 'is not a key of at least 32 bytes in hex or base64');

/** `SIGKILL relay:sent`, or `SIGTERM relay:sent 2` for the second passage. */
export const crashAt = text
  .refine(
    (value) => /^SIG(KILL|TERM) \S+( [1-9]\d{0,3})?$/.test(value),
    'is not SIGKILL or SIGTERM, a crash point and perhaps the number of a passage',
  )
  .transform((value) => {
    const [signal, point, passage] = value.split(' ') as ['SIGKILL' | 'SIGTERM', string, string?];
    return { signal, point, passage: Number(passage ?? 1) };
  });

/** Directories separated by `:` (`;` on Windows), made absolute. */
export const directories = text
  .transform((value) => splitList(value, path.delimiter).map((directory) => path.resolve(directory)))
  .refine((list) => list.length > 0, 'names no directory');

export const file = text.transform((value) => path.resolve(value));

function splitList(value: string, separator: string): readonly string[] {
  return value
    .split(separator)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function decodeKey(value: string): Buffer {
  if (/^([0-9a-fA-F]{2})+$/.test(value)) return Buffer.from(value, 'hex');
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(value)) return Buffer.from(value, 'base64');
  return Buffer.alloc(0);
}
