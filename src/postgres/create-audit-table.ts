import type { JsonObject } from '../domain/json.ts';
import type { PrismaClient } from './create-prisma.ts';
import { storableText } from './storable.ts';

export interface AuditEntry {
  /** The person or system. */
  readonly actor: string;
  /** `<thing>.<verb>`, e.g. `key.revoke`. */
  readonly action: string;
  /** `<thing>/<id>`, e.g. `constat/0190…`. */
  readonly subject: string;
  /** Why and how; no secret, and no personal data that the subject itself doesn't need. */
  readonly detail?: JsonObject;
}

/** One row of `audit`, for a transaction that does what it tells of. The table refuses updates and deletes. */
export function auditEntry(entry: AuditEntry): Parameters<PrismaClient['audit']['create']>[0] {
  const { actor, action, subject, detail } = entry;
  return {
    data: {
      actor: storableText(actor),
      action,
      subject,
      ...(detail && { detail: JSON.parse(JSON.stringify(detail)) as object }),
    },
  };
}
