import type { AuditEntry } from '../ports.ts';
import type { PrismaClient } from './create-prisma.ts';
import { storableText } from './storable.ts';

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
