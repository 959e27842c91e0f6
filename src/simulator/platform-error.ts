import type { PlatformRecord } from './record.ts';

/** A request that the platform refuses; `status` is what its HTTP API answers. `code` is stable. */
export class PlatformError extends Error {
  readonly status: number;
  readonly code: string;
  /** The newer record, when the refusal is that the form was opened before it. */
  readonly current: PlatformRecord | undefined;
  constructor(
    status: number,
    code: string,
    message: string,
    options?: { cause?: unknown; current?: PlatformRecord },
  ) {
    super(message, options);
    this.name = 'PlatformError';
    this.status = status;
    this.code = code;
    this.current = options?.current;
  }
}
