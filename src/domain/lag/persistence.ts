interface Timed {
  readonly atMs: number;
}

/** Whether `holds` is true of every sample of the last `ms`, and of samples that reach that far back. */
export function lasts<S extends Timed>(
  samples: readonly S[],
  holds: (sample: S) => boolean,
  ms: number,
  nowMs: number,
): boolean {
  const since = heldSince(samples, holds);
  return since !== null && nowMs - since >= ms;
}

/** When the unbroken run of `holds` that reaches to the last sample began; null when it does not hold now. */
export function heldSince<S extends Timed>(
  samples: readonly S[],
  holds: (sample: S) => boolean,
): number | null {
  const broken = samples.findLastIndex((sample) => !holds(sample));
  return samples[broken + 1]?.atMs ?? null;
}

/** A finding enters when it has lasted, and leaves when its absence has lasted: a single sample decides nothing. */
export function persists<S extends Timed>(
  samples: readonly S[],
  holds: (sample: S) => boolean,
  wasSo: boolean,
  { enterMs, leaveMs, nowMs }: { readonly enterMs: number; readonly leaveMs: number; readonly nowMs: number },
): boolean {
  return wasSo
    ? !lasts(samples, (sample) => !holds(sample), leaveMs, nowMs)
    : lasts(samples, holds, enterMs, nowMs);
}
