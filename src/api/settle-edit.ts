import type { EditedEntity, EditResult } from '../apply/edit.ts';
import type { EntityKind, Violation } from '../domain/kind.ts';
import { entityDocument, etagOf } from './entity-document.ts';
import { missing } from './find-entity.ts';
import { ProblemError } from './problem.ts';

/** The entity that an edit left behind, or the problem that says why there is none. */
export function editedEntity(kind: EntityKind, result: EditResult): EditedEntity {
  switch (result.status) {
    case 'created':
    case 'updated':
    case 'repeated':
    case 'unchanged':
      return result.entity;
    case 'missing':
      throw missing(kind);
    case 'moved':
      throw new ProblemError(
        'revision-moved',
        'Somebody has changed it since; `current` is how it stands now.',
        currentState(kind, result.current),
      );
    case 'clash': {
      const more = currentState(kind, result.current);
      throw new ProblemError(
        'clash',
        'Fields that you changed have changed since you opened them; nothing was written.',
        {
          ...more,
          extra: { clashes: result.atoms, ...more.extra },
        },
      );
    }
    case 'unknown-base':
      throw new ProblemError(
        'unknown-base',
        'The history does not hold that revision; begin again from `current`.',
        currentState(kind, result.current),
      );
    case 'invalid':
      throw brokenRules(result.violations);
    case 'too-large':
      throw eventTooLarge(result);
    case 'key-reused':
      throw new ProblemError('idempotency-key-reused', 'Choose a new Idempotency-Key for a new request.');
  }
}

export function eventTooLarge({ bytes, limit }: { readonly bytes: number; readonly limit: number }) {
  return new ProblemError(
    'event-too-large',
    `Its event would have ${bytes} bytes; the topic takes ${limit}.`,
    { extra: { bytes, limit } },
  );
}

/** Rules that the state breaks, all of them. */
export function brokenRules(violations: readonly Violation[]): ProblemError {
  return new ProblemError('validation', 'Nothing was written; `violations` lists every broken rule.', {
    extra: { violations: violations.map((violation) => ({ in: 'body', ...violation })) },
  });
}

function currentState(kind: EntityKind, current: EditedEntity) {
  return { extra: { current: entityDocument(kind, current) }, headers: { ETag: etagOf(current.revision) } };
}
