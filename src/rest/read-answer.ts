import { z } from 'zod';
import { PermanentError } from '../domain/errors.ts';
import type { JsonObject } from '../domain/json.ts';
import type { EntityKind } from '../domain/kind.ts';
import type { ApiRecord } from '../ports.ts';

const page = z.object({
  data: z.array(z.unknown()),
  page: z.object({ nextCursor: z.string().nullish(), hasMore: z.boolean() }),
  asOf: z.iso.datetime({ offset: true }),
});

const record = z.looseObject({ revision: z.record(z.string(), z.int()) });

/** The envelope of a list. Records are read one by one: one that can't be read is named in `unreadable`. */
export function readPage(providerId: string, kind: EntityKind, body: unknown) {
  const parsed = page.safeParse(body);
  if (!parsed.success) throw garbage(`${providerId} answered ${kind.collection} with`, parsed.error);
  const { data, asOf } = parsed.data;
  const { hasMore, nextCursor } = parsed.data.page;
  if (hasMore && !nextCursor) {
    throw new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} says that there are more ${kind.collection}, but gives no cursor`,
    );
  }
  const records: ApiRecord[] = [];
  const unreadable: string[] = [];
  data.forEach((item, index) => {
    try {
      records.push(readRecord(providerId, kind, item));
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      unreadable.push(`record ${index + 1}: ${error.message}`);
    }
  });
  return { records, unreadable, nextCursor: hasMore ? (nextCursor ?? null) : null, asOf };
}

/** One record: the state's fields, flat, and its revision. Whether the state keeps its contract is the codec's to say. */
export function readRecord(providerId: string, kind: EntityKind, body: unknown): ApiRecord {
  const parsed = record.safeParse(body);
  if (!parsed.success) throw garbage(`${providerId} answered a ${kind.name} with`, parsed.error);
  const { revision, ...state } = parsed.data;
  if (typeof state[kind.idField] !== 'string' || state[kind.idField] === '') {
    throw new PermanentError(
      'PROVIDER_GARBAGE',
      `${providerId} answered a ${kind.name} without its ${kind.idField}`,
    );
  }
  // It comes out of JSON.parse, so it is JSON.
  return { state: state as JsonObject, revision };
}

/** Says where and what was wrong; never a value, which may be personal. */
function garbage(what: string, error: z.ZodError): PermanentError {
  const said = error.issues.map(
    (issue) => `${issue.path.length > 0 ? issue.path.join('.') : 'the body'}: ${issue.message}`,
  );
  return new PermanentError('PROVIDER_GARBAGE', `${what} a wrong form (${said.join('; ')})`);
}
