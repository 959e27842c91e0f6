import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';

/** The header that carries the signature. */
export const SIGNATURE_HEADER = 'eassurance-signature';

/** As a KeyObject it is made ready once, which is most of the cost of signing an event. */
export type SigningKey = Buffer | KeyObject;

/** HMAC-SHA-256 (hex) over event id and bytes: by it the hub knows its own events again after its database was restored
 *  (SYNC.md, After a database restore). */
export function signEvent(eventId: string, bytes: Buffer, signingKey: SigningKey): string {
  return createHmac('sha256', signingKey).update(eventId).update(bytes).digest('hex');
}

/** Whether we published these very bytes under this id. */
export function isSignedByUs(
  event: { readonly eventId: string; readonly bytes: Buffer; readonly signature: string | undefined },
  signingKey: SigningKey,
): boolean {
  const expected = Buffer.from(signEvent(event.eventId, event.bytes, signingKey));
  const given = Buffer.from(event.signature ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
