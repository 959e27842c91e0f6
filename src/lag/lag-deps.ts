import type { UnreadSample } from '../domain/lag/judge-provider.ts';
import type { OutboxSample } from '../domain/lag/judge-outbox.ts';
import type { PartitionSample } from '../domain/lag/sample.ts';
import type { Clock, LagLedger, LedgerSample, LogReader, Topology } from '../ports.ts';
import type { ReadableNotes } from './consumer-notes.ts';

export interface LagDeps {
  readonly topology: Topology;
  readonly logs: LogReader;
  readonly ledger: LagLedger;
  readonly notes: Pick<ReadableNotes, 'obstacleOf' | 'incidentOf' | 'clockSkewMs'>;
  readonly clock: Clock;
  /** Our consumer group for a provider. */
  readonly groupOf: (provider: string) => string;
  /** PostgreSQL counts as away when it takes longer. */
  readonly ledgerWithinMs: number;
}

/** Everything that was read at one moment. */
export interface LagSnapshot {
  readonly atMs: number;
  readonly database: boolean;
  readonly kafka: boolean;
  readonly partitions: readonly {
    readonly provider: string;
    readonly topic: string;
    readonly partition: number;
    readonly sample: PartitionSample;
  }[];
  readonly outbox: ReadonlyMap<string, OutboxSample>;
  /** By topic; absent where it can't be known. */
  readonly unread: ReadonlyMap<string, UnreadSample>;
  /** As PostgreSQL last told; null when it never did. */
  readonly ledger: LedgerSample | null;
}
