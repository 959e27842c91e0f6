import * as z from 'zod';
import { newestValue } from '../apply/settle-conflict.ts';
import { CONFLICT_REASONS } from '../domain/conflict.ts';
import type { Conflict } from '../ports.ts';

const anyValue = z.unknown().meta({ description: 'As in the state; null where it was absent.' });
const side = z.enum(['ours', 'theirs']);

const sideValue = z.object({
  value: anyValue,
  author: z.string().meta({ description: 'The person or system for ours, the insurer for theirs.' }),
  at: z.iso.datetime().meta({ description: "By the author's clock." }),
});

/** A conflict as the API shows it. `settle` takes `newest`, the values that a choice would write. */
export const conflictSchema = z
  .object({
    id: z.string().meta({ example: '42' }),
    status: z.enum(['open', 'settled']),
    severity: z.enum(['critical', 'normal']).meta({ description: 'Critical: about the seal or the status.' }),
    kind: z.string().meta({ example: 'constat' }),
    entityId: z.string(),
    provider: z.string().meta({ example: 'saa' }),
    atom: z.string().meta({
      description: 'What it is about: the smallest piece that is kept or replaced as a whole.',
      example: 'accident/place',
    }),
    stands: side.meta({ description: 'Whose value the state has, as of the newest merge.' }),
    code: z.string().meta({ description: 'Why, for programs.', example: 'BOTH_CHANGED' }),
    why: z.string().meta({ description: 'Why, for people.' }),
    base: anyValue.meta({ description: 'What both sides started from.' }),
    ours: sideValue.meta({ description: "E-assurance's value when it was opened." }),
    theirs: sideValue.meta({ description: "The insurer's value when it was opened." }),
    joined: z
      .array(
        z.object({
          ours: anyValue,
          theirs: anyValue,
          theirsAuthor: z.string(),
          at: z.iso.datetime().meta({ description: "By their author's clock." }),
        }),
      )
      .meta({ description: 'Values that clashed later, oldest first.' }),
    newest: z
      .object({ ours: anyValue, theirs: anyValue })
      .meta({ description: 'What `{"choose": …}` would write.' }),
    openedAt: z.iso.datetime(),
    eventId: z.string().meta({ description: 'The merge that found it.' }),
    settledAt: z.iso.datetime().nullable(),
    settledBy: z.string().nullable(),
    settledReason: z.string().nullable(),
    settlingEventId: z
      .string()
      .nullable()
      .meta({ description: 'The edit that settled it; null when the value that stood was confirmed.' }),
  })
  .meta({ id: 'Conflict', description: 'Two values of one atom, of which one stands until staff decide.' });

export type ConflictDocument = z.input<typeof conflictSchema>;

export function conflictDocument(conflict: Conflict): ConflictDocument {
  const { id, status, severity, kind, entityId, provider, atom, stands, code, base, eventId } = conflict;
  return {
    id,
    status,
    severity,
    kind,
    entityId,
    provider,
    atom,
    stands,
    code,
    why: (CONFLICT_REASONS as Readonly<Record<string, string>>)[code] ?? code,
    base,
    ours: { value: conflict.ours, author: conflict.oursAuthor, at: instant(conflict.oursAtMs) },
    theirs: { value: conflict.theirs, author: conflict.theirsAuthor, at: instant(conflict.theirsAtMs) },
    joined: conflict.joined.map(({ atMs, ...values }) => ({ ...values, at: instant(atMs) })),
    newest: { ours: newestValue(conflict, 'ours'), theirs: newestValue(conflict, 'theirs') },
    openedAt: instant(conflict.openedAtMs),
    eventId,
    settledAt: conflict.settledAtMs === null ? null : instant(conflict.settledAtMs),
    settledBy: conflict.settledBy,
    settledReason: conflict.settledReason,
    settlingEventId: conflict.settlingEventId,
  };
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
