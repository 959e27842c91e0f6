/** Errors name their consequence (see docs/architecture.md, Errors): a TransientError is retried, a PermanentError is
 *  settled (quarantined, parked or answered 4xx), anything else is a bug and stops its service loudly. */
export abstract class BridgeError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The world is at fault, not the message: nothing was decided, trying again later is right. */
export class TransientError extends BridgeError {
  /** Milliseconds that the other side asked us to wait, if it did. */
  readonly retryAfterMs: number | undefined;
  constructor(code: string, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(code, message, options);
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Trying again without a change cannot help. */
export class PermanentError extends BridgeError {}

/** The person at the keyboard can mend it: one sentence that names what is missing and what to do; exit code 1, no stack. */
export class UsageError extends BridgeError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('USAGE', message, options);
  }
}

/** What was read is no longer so: roll back, read again, judge again. For a position it means that another consumer
 *  owns the partition: drop the batch; for quarantine, that somebody else has settled the record. */
export class MovedError extends BridgeError {
  readonly what: 'entity' | 'event' | 'conflict' | 'position' | 'quarantine';
  constructor(what: MovedError['what'], message: string) {
    super('MOVED', message);
    this.what = what;
  }
}
