import { randomBytes } from 'node:crypto';

/** A provider id that no other test and no other run uses, so that topics, groups and users of test files sharing one
 *  cluster never meet. It fits every rule for ids (lower-case letters and digits, first a letter), and since all have
 *  one length and end at random, none is another's prefix. */
export function freshProviderId(): string {
  return `t${randomBytes(5).toString('hex')}`;
}
