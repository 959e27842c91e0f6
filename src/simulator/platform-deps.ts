import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { EventCodec } from './event-codec.ts';
import type { FaultKnobs } from './faults.ts';
import type { Contracts } from './load-contracts.ts';

/** What the platform's steps work with. */
export interface PlatformDeps {
  readonly providerId: string;
  /** The entry of the revision that this platform increments: its id, or `<id>.2` after a restored backup. */
  readonly writerId: string;
  readonly pool: pg.Pool;
  readonly contracts: Contracts;
  readonly codec: EventCodec;
  readonly faults: FaultKnobs;
  /** `record`: one was written (argument: PlatformRecord); `outbox`: something waits to be sent. Emitted after commit. */
  readonly changes: EventEmitter;
  readonly log: Logger;
  /** Now, milliseconds. */
  readonly now: () => number;
}
