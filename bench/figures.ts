import Table from 'cli-table3';

export interface BenchOptions {
  /** Smaller loads and fewer rounds, for daily use. */
  readonly quick: boolean;
  /** Rows beside which is measured what reads. */
  readonly events: number;
  readonly signal: AbortSignal;
}

export interface Row {
  readonly name: string;
  /** One a round. */
  readonly values: readonly number[];
  readonly unit: string;
  readonly beside: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

export function printRows(rows: readonly Row[]): void {
  const table = new Table({
    head: ['', 'median', 'min', 'max', '', ''],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'left'],
  });
  for (const { name, values, unit, beside } of rows) {
    table.push([
      name,
      ...[median(values), Math.min(...values), Math.max(...values)].map(shown),
      unit,
      beside,
    ]);
  }
  console.log(table.toString());
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}
