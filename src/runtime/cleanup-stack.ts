export interface CleanupStack {
  /** Remembers how to undo what was just set up. */
  defer(name: string, undo: () => Promise<void> | void): void;
  /** Undoes everything, last first, each after the one before it has ended; a failure keeps none from its turn. Rejects at
   *  the end with the failure, or with an AggregateError of several. Once empty, it does nothing. */
  unwind(): Promise<void>;
}

/** What was set up so far, and how to undo it: the same list serves an orderly stop and a start that failed half-way. */
export function createCleanupStack(): CleanupStack {
  const steps: { name: string; undo: () => Promise<void> | void }[] = [];
  return {
    defer(name, undo) {
      steps.push({ name, undo });
    },
    async unwind() {
      const failures: Error[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.undo();
        } catch (cause) {
          failures.push(new Error(`cleaning up ${step.name} failed`, { cause }));
        }
      }
      const [first] = failures;
      if (first === undefined) return;
      throw failures.length === 1 ? first : new AggregateError(failures, 'several clean-ups failed');
    },
  };
}
