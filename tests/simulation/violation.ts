/** A promise of SYNC.md that does not hold. `invariant` is its name there: I1 to I11, Q1 to Q6. */
export class Violation extends Error {
  readonly invariant: string;
  constructor(invariant: string, message: string) {
    super(message);
    this.name = 'Violation';
    this.invariant = invariant;
  }
}

export function hold(condition: boolean, invariant: string, message: () => string): asserts condition {
  if (!condition) throw new Violation(invariant, message());
}
