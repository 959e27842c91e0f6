import { checkKeys, checkLengths, checkPattern, checkRange, type Findings } from './findings.ts';
import type { Json } from './json.ts';
import { isRecord, list } from './read-state.ts';

const SHA256 = {
  pattern: /^[0-9a-f]{64}$/,
  code: 'SHA256_INVALID',
  message: 'A SHA-256 is 64 lower-case hexadecimal digits.',
};
const MEDIA_TYPE = {
  pattern: /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/,
  code: 'MEDIA_TYPE_INVALID',
  message: 'A media type reads type/subtype, as in image/jpeg.',
};
const SIZE = { min: 0, max: Number.MAX_SAFE_INTEGER, code: 'SIZE_NEGATIVE', what: 'A size' };
const LENGTHS = { uri: 2000, mediaType: 255 };

/** The rules of a list of `Attachment`. */
export function checkAttachments(value: Json | undefined, at: string, findings: Findings): void {
  const attachments = list(value);
  checkKeys(attachments, at, 'attachmentId', findings);
  attachments.forEach((attachment, i) => {
    if (!isRecord(attachment)) return;
    checkLengths(attachment, `${at}/${i}`, LENGTHS, findings);
    checkPattern(attachment, 'sha256', `${at}/${i}`, SHA256, findings);
    checkPattern(attachment, 'mediaType', `${at}/${i}`, MEDIA_TYPE, findings);
    checkRange(attachment, 'sizeBytes', `${at}/${i}`, SIZE, findings);
  });
}
