import { TransientError } from '../domain/errors.ts';
import type { IdempotencyRow, Store, WritePlan } from '../ports.ts';
import { reach } from '../runtime/crash-points.ts';
import { joinWork } from '../runtime/join-work.ts';
import { EMPTY_PLAN } from './empty-plan.ts';
import { JOINED_LOCK_WAIT_MS } from './joined-lock-wait.ts';

/** The rows of one edit. */
export type EditPlan = Pick<WritePlan, 'events' | 'entities' | 'outbox' | 'settlements' | 'idempotency'>;

/** Writes an edit; durable when it resolves. Where its idempotency key was used before, nothing is written, and what the
 *  first request made is returned. */
export type WriteEdit = (plan: EditPlan) => Promise<IdempotencyRow | null>;

/** Transactions at a time: while one waits for the disk, the next is filled. */
const LANES = 2;
/** Of one transaction, in bytes of events and what goes with each. */
const MAX_WEIGHT = 1_048_576;
const ROWS_WEIGHT = 4_096;

/** Group commit: edits that come while all lanes are taken share the next transaction. Two of the same entity, or under the
 *  same idempotency key, never do. An edit's own failure is its own: when a transaction of several fails, each is
 *  tried alone, at the same time and outside the lanes. Not so when the commit was under way, which may have happened
 *  all the same, nor when the database is away: that is everyone's. */
export function joinEdits({ store }: { readonly store: Store }): WriteEdit {
  const join = joinWork<EditPlan, WriteEdit>({
    ...{ lanes: LANES, maxWeight: MAX_WEIGHT, fits },
    weigh: ({ events }) => events.reduce((sum, { bytes }) => sum + bytes.length, ROWS_WEIGHT),
    async settle(plans) {
      let written = false;
      const onWritten = () => (written = true);
      try {
        const options = { lockWaitMs: JOINED_LOCK_WAIT_MS };
        const repeated = await store.transaction((tx) => writeAll(plans, tx, onWritten), options);
        return repeated.map((row) => async () => row);
      } catch (error) {
        const tryAlone = !written && !isEveryones(error) && (plans.length > 1 || isLocked(error));
        return plans.map(() => async (plan) => {
          if (tryAlone) return writeAlone(plan, store);
          throw error;
        });
      }
    },
  });
  return async (plan) => (await join(plan))(plan);
}

async function writeAlone(plan: EditPlan, store: Store): Promise<IdempotencyRow | null> {
  const [repeated] = await store.transaction((tx) => writeAll([plan], tx));
  return repeated!;
}

/** What was made before under each plan's idempotency key, in their order; the others are written. */
async function writeAll(
  plans: readonly EditPlan[],
  tx: Parameters<Parameters<Store['transaction']>[0]>[0],
  onWritten: () => void = () => {},
): Promise<readonly (IdempotencyRow | null)[]> {
  const keys = plans.flatMap(({ idempotency }) => idempotency);
  const seen = new Map(
    keys.length === 0 ? [] : (await tx.readIdempotency(keys)).map((row) => [nameOf(row), row]),
  );
  const repeated = plans.map(({ idempotency: [row] }) => (row && seen.get(nameOf(row))) ?? null);
  const fresh = plans.filter((_, i) => repeated[i] === null);
  if (fresh.length > 0) {
    await tx.write(joinPlans(fresh));
    reach('edit:written');
  }
  onWritten();
  return repeated;
}

function joinPlans(plans: readonly EditPlan[]): WritePlan {
  return {
    ...EMPTY_PLAN,
    events: plans.flatMap(({ events }) => events),
    entities: plans.flatMap(({ entities }) => entities),
    outbox: plans.flatMap(({ outbox }) => outbox),
    settlements: plans.flatMap(({ settlements }) => settlements),
    idempotency: plans.flatMap(({ idempotency }) => idempotency),
  };
}

function fits(plan: EditPlan, joined: readonly EditPlan[]): boolean {
  const taken = new Set(joined.flatMap(namesIn));
  return !namesIn(plan).some((name) => taken.has(name));
}

function namesIn({ entities, idempotency }: EditPlan): readonly string[] {
  return [...entities.map(({ kind, entity }) => `${kind.name}/${entity.id}`), ...idempotency.map(nameOf)];
}

function nameOf({ apiKeyId, key }: Pick<IdempotencyRow, 'apiKeyId' | 'key'>): string {
  return `${apiKeyId} ${key}`;
}

function isEveryones(error: unknown): boolean {
  return error instanceof TransientError && EVERYONES.has(error.code);
}

const EVERYONES = new Set([
  'DATABASE_UNAVAILABLE',
  'DATABASE_UNAUTHORISED',
  'DATABASE_READ_ONLY',
  'DATABASE_FULL',
]);

function isLocked(error: unknown): boolean {
  return error instanceof TransientError && error.code === 'DATABASE_TIMEOUT';
}
