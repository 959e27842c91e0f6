import type { MemoryEntity } from '../fakes/memory-store.ts';
import { frontText, isSealed, statusOf, witnessesOf } from './constat-form.ts';
import type { Content } from './provider-model.ts';
import { hold } from './violation.ts';

/** Front ↔ hash, as the hub computed it. */
export interface SealBook {
  readonly fronts: Map<string, string>;
  readonly hashes: Map<string, string>;
}
export const createSealBook = (): SealBook => ({ fronts: new Map(), hashes: new Map() });

const PROVIDER_ONLY = ['VALIDATED', 'REJECTED', 'CLOSED'];

/** I8: hash ⇔ sealed, one hash per front, SIGNED ⇒ hash, no half elements, CANCELLED left only for a state that the
 *  provider alone can give, with a conflict. */
export function checkSeal(
  write: {
    readonly old: MemoryEntity | undefined;
    readonly entity: MemoryEntity;
    readonly state: Content;
    readonly made: 'hub' | 'provider';
    readonly told: boolean;
    readonly flagged: boolean;
  },
  book: SealBook,
): void {
  const { old, entity, state, made } = write;
  const status = statusOf(state);
  const sealed = isSealed(state);
  hold(
    (entity.seal !== null) === sealed,
    'I8',
    () => `${status}, ${sealed ? '' : 'not '}sealed, with the hash ${entity.seal}`,
  );
  hold(entity.status === status, 'I8', () => `the row says ${entity.status}, the state ${status}`);
  if (entity.seal !== null) {
    const front = frontText(state);
    hold((book.fronts.get(entity.seal) ?? front) === front, 'I8', () => `one hash for two fronts: ${front}`);
    hold(
      (book.hashes.get(front) ?? entity.seal) === entity.seal,
      'I8',
      () => `two hashes for one front: ${front}`,
    );
    book.fronts.set(entity.seal, front);
    book.hashes.set(front, entity.seal);
    if (made === 'hub')
      hold(
        state['sealedContentHash'] === entity.seal,
        'I8',
        () => `the state carries ${String(state['sealedContentHash'])}, its front has ${entity.seal}`,
      );
  } else {
    hold(!state['sealedContentHash'], 'I8', () => `${status} carries a hash`);
  }
  const refs = witnessesOf(state).map(({ personRef }) => personRef);
  const whole = witnessesOf(state).every(({ personRef, name }) => personRef && name);
  hold(
    whole && new Set(refs).size === refs.length,
    'I8',
    () => `a witness in parts, or twice: ${refs.join()}`,
  );
  if (old?.status === 'CANCELLED' && status !== 'CANCELLED') {
    hold(PROVIDER_ONLY.includes(status) && write.told, 'I8', () => `CANCELLED became ${status}`);
  }
}
