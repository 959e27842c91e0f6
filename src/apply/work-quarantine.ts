import { TransientError } from '../domain/errors.ts';
import type { QuarantineFilter } from '../ports.ts';
import {
  approveEdit,
  proposeEdit,
  rejectEdit,
  showEdit,
  type ApproveResult,
  type EditQuarantineDeps,
  type Proposal,
  type ProposeResult,
  type ShownEdit,
} from './edit-quarantined.ts';
import { findQuarantined, type FoundRecord } from './read-quarantined.ts';
import { retryQuarantined, type Operator, type RetryDeps, type Retried } from './retry-quarantined.ts';

/** One page of what is unsettled, chosen by cause, topic or provider. */
export interface Selection extends QuarantineFilter {
  readonly after: string | null;
  readonly limit: number;
}

/** What people do with the records in quarantine; each writes its audit rows in its own transaction. */
export interface QuarantineWork {
  /** While the registry is away, the record comes unread, with a sentence that says so. */
  find(id: string): Promise<FoundRecord | null>;
  /** See `retryQuarantined`. */
  retry(ids: readonly string[], who: Operator): Promise<readonly Retried[]>;
  /** The ids of the selected records that are unsettled, and where the next page begins; null at the end. What lands in
   *  quarantine again is on no later page. */
  select(selection: Selection): Promise<{ readonly ids: readonly string[]; readonly next: string | null }>;
  /** Settles those that are unsettled as discarded, whatever is in them, and returns their ids. */
  discard(ids: readonly string[], reason: string, who: Operator): Promise<readonly string[]>;
  /** See `proposeEdit`, `approveEdit`, `rejectEdit`. */
  propose(proposal: Proposal, who: Operator): Promise<ProposeResult>;
  approve(editId: string, who: Operator): Promise<ApproveResult>;
  reject(editId: string, reason: string, who: Operator): Promise<'rejected' | 'closed' | 'missing'>;
  showEdit(editId: string): Promise<ShownEdit | null>;
}

export type QuarantineWorkDeps = RetryDeps & EditQuarantineDeps;

export function createQuarantineWork(deps: QuarantineWorkDeps): QuarantineWork {
  const { table } = deps;
  return {
    find: (id) => findQuarantined(id, deps, unreadNow),
    retry: (ids, who) => retryQuarantined(ids, who, deps),
    async select({ limit, ...selection }) {
      const entries = await table.list({ ...selection, settled: false, limit: limit + 1 });
      const ids = entries.slice(0, limit).map(({ id }) => id);
      return { ids, next: entries.length > limit ? (ids.at(-1) ?? null) : null };
    },
    discard: (ids, reason, who) =>
      table.discard(ids, who.name, reason, (id) => ({
        actor: who.name,
        action: 'quarantine.discard',
        subject: `quarantine/${id}`,
        detail: { reason, via: who.via },
      })),
    propose: (proposal, who) => proposeEdit(proposal, who, deps),
    approve: (editId, who) => approveEdit(editId, who, deps),
    reject: (editId, reason, who) => rejectEdit(editId, reason, who, deps),
    showEdit: (editId) => showEdit(editId, deps, unreadNow),
  };
}

function unreadNow(error: unknown) {
  if (!(error instanceof TransientError)) throw error;
  return { event: null, unreadable: `It can't be read now: ${error.message}.` };
}
