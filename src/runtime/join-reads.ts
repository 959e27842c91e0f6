import { TransientError } from '../domain/errors.ts';
import { joinWork } from './join-work.ts';

/** Calls of `read` at a time; far more keys than ever wait. */
const LANES = 2;
const MAX_KEYS = 1_000;

/** Reads by key that share a call of `read`: what comes while all lanes are taken goes with the next one. A call begins
 *  after every read that shares it came, so each sees whatever was committed before it was asked for, as if it had gone
 *  alone. Null for a key that `read` does not find. A TransientError (the server is away) is told to all that share the
 *  call; after any other failure each is read alone, and fails for its own reasons. */
export function joinReads<Value>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): (key: string) => Promise<Value | null> {
  const join = joinWork<string, Value | null>({
    ...{ lanes: LANES, maxWeight: MAX_KEYS, weigh: () => 1 },
    isShared: (error) => error instanceof TransientError,
    async settle(keys) {
      const found = await read([...new Set(keys)]);
      return keys.map((key) => found.get(key) ?? null);
    },
  });
  let turn: Promise<void> | null = null;
  return async (key) => {
    turn ??= endOfTurn().then(() => {
      turn = null;
    });
    await turn;
    return join(key);
  };
}

/** Once everything that has arrived by now has been looked at: on a busy server that is what many connections brought. */
function endOfTurn(): Promise<void> {
  return new Promise(setImmediate);
}
