import { kafkaErrorType } from './translate-error.ts';

/** Answers with which the broker says that nothing of the request was appended and that it will say so again. `record`:
 *  one record (or their sum) is at fault; `topic`: nothing can be written to this topic. */
const REFUSALS: Readonly<Record<string, 'record' | 'topic'>> = {
  MESSAGE_TOO_LARGE: 'record',
  RECORD_LIST_TOO_LARGE: 'record',
  INVALID_RECORD: 'record',
  INVALID_TIMESTAMP: 'record',
  INVALID_TOPIC_EXCEPTION: 'topic',
  TOPIC_AUTHORIZATION_FAILED: 'topic',
  UNKNOWN_TOPIC_OR_PARTITION: 'topic',
};

export interface Refusal {
  readonly code: string;
  readonly of: 'record' | 'topic';
  readonly cause: string;
}

/** What the error refuses for good, or undefined when it leaves open what was written. */
export function judgeRefusal(error: unknown): Refusal | undefined {
  const code = kafkaErrorType(error);
  const of = code === undefined ? undefined : REFUSALS[code];
  if (code === undefined || of === undefined) return undefined;
  return { code, of, cause: error instanceof Error ? error.message : code };
}
