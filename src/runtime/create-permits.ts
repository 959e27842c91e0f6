export interface Permits {
  /** Takes one unless all are taken; never waits. */
  take(): boolean;
  give(): void;
}

/** So many at a time, for what is worth doing only if it can be done at once. */
export function createPermits(count: number): Permits {
  let left = count;
  return {
    take() {
      if (left === 0) return false;
      left--;
      return true;
    },
    give() {
      left++;
    },
  };
}
