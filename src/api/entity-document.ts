import * as z from 'zod';
import type { EntityKind, Violation } from '../domain/kind.ts';
import { formatRevision, type Revision } from '../domain/revision.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Answer } from './endpoint.ts';

/** An entity as the API shows it; the same shape for every kind. */
export interface EntityDocument {
  readonly id: string;
  readonly kind: string;
  readonly provider: string;
  /** As in the ETag, without its quotes. */
  readonly revision: string;
  readonly status: string | null;
  /** When this revision was stored here: what lists are ordered by. */
  readonly updatedAt: string;
  readonly violations: readonly Violation[];
  /** Absent in the answer to an edit. */
  readonly openConflicts?: number;
  readonly flags?: readonly string[];
  readonly state: JsonObject;
}

export interface ShownEntity {
  readonly id: string;
  readonly provider: string;
  readonly revision: Revision;
  readonly state: JsonObject;
  readonly violations: readonly Violation[];
  readonly updatedAtMs: number;
  readonly openConflicts?: number;
  readonly flags?: readonly string[];
}

export function entityDocument(kind: EntityKind, entity: ShownEntity): EntityDocument {
  return {
    id: entity.id,
    kind: kind.name,
    provider: entity.provider,
    revision: formatRevision(entity.revision),
    status: kind.status(entity.state),
    updatedAt: new Date(entity.updatedAtMs).toISOString(),
    violations: entity.violations,
    ...(entity.openConflicts === undefined ? {} : { openConflicts: entity.openConflicts }),
    ...(entity.flags === undefined ? {} : { flags: entity.flags }),
    state: entity.state,
  };
}

/** A strong entity tag: equal tags mean equal states, for one revision has one content. What stands beside the state
 *  (conflicts, flags) may change without it. */
export function etagOf(revision: Revision): string {
  return `"${formatRevision(revision)}"`;
}

/** Personal data stays out of shared caches, and is asked about again each time. */
export function entityAnswer(
  status: number,
  document: EntityDocument,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { ETag: `"${document.revision}"`, 'Cache-Control': 'private, no-cache', ...headers },
    body: document,
  };
}

export const revisionText = z
  .string()
  .meta({ description: 'A revision: how many edits each writer has made.', example: 'eassurance:3,saa:2' });

const violation = z
  .object({
    pointer: z
      .string()
      .meta({ description: 'JSON pointer (RFC 6901) into `state`.', example: '/parties/0/circumstances/1' }),
    code: z.string(),
    message: z.string(),
    severity: z
      .enum(['error', 'warning'])
      .optional()
      .meta({ description: 'Absent: an error. A warning stops no edit.' }),
  })
  .meta({ id: 'Violation', description: 'A rule of the form that the state breaks.' });

/** The schema of `EntityDocument` for one kind, for the OpenAPI document. */
export function entitySchema(kind: EntityKind, stateSchema: z.ZodType): z.ZodObject {
  return z
    .object({
      id: z.string().meta({ description: `The ${kind.name}'s id.` }),
      kind: z.literal(kind.name),
      provider: z.string().meta({ description: 'The insurer that owns it.', example: 'saa' }),
      revision: revisionText,
      status: z.string().nullable(),
      updatedAt: z.iso
        .datetime()
        .meta({ description: 'When this revision was stored here; lists are ordered by it.' }),
      violations: z.array(violation).meta({
        description:
          "Rules of the form that the state breaks. A provider's state is accepted with them; an edit here is not.",
      }),
      openConflicts: z.int().optional().meta({
        description: 'How many wait for staff, see `/v1/conflicts`; absent in the answer to an edit.',
      }),
      flags: z
        .array(z.string())
        .optional()
        .meta({
          description:
            'What on-call looks at: `REVISION_REUSED`, or `QUARANTINED_EVENT` while one of its events is in quarantine that ' +
            'no later one has overtaken; absent as above.',
        }),
      state: stateSchema,
    })
    .meta({
      id: `${capitalised(kind.name)}Entity`,
      description: `One ${kind.name} with its state at one revision.`,
    });
}

export function capitalised(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
