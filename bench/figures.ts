import Table from 'cli-table3';

export interface BenchOptions {
  /** Smaller loads and fewer rounds, for daily use. */
  readonly quick: boolean;
  /** Stored events beside which is measured what they could slow down; when left out, as many as the bench sees fit. */
  readonly events: number | undefined;
  /** Aborted when the bench is asked to stop: it cleans up and rejects. */
  readonly signal: AbortSignal;
}

/** Of the median. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number };

export interface Figure {
  readonly name: string;
  readonly unit: string;
  /** One a round. */
  readonly values: readonly number[];
  readonly goal: Goal | null;
}

/** What one bench has measured: the printed table and the JSON are both made from it. What it says on the way goes to
 *  stderr. */
export interface Report {
  /** What was measured, on which load. */
  readonly title: string;
  readonly figures: readonly Figure[];
  /** What the figures can't be read without. */
  readonly notes?: readonly string[];
  /** For a picture. */
  readonly charts?: readonly Chart[];
}

/** One line against a logarithmic axis. */
export interface Chart {
  readonly title: string;
  /** With its unit. */
  readonly x: string;
  readonly y: string;
  /** One value a round. */
  readonly points: readonly { readonly x: number; readonly values: readonly number[] }[];
  readonly goal?: { readonly y: number; readonly label: string };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [below, above] = [sorted[(sorted.length - 1) >> 1]!, sorted[sorted.length >> 1]!];
  return (below + above) / 2;
}

/** A figure as data; `met` is null where there is no goal. */
export function summarise({ name, unit, values, goal }: Figure) {
  const middle = median(values);
  const met = goal && ('atLeast' in goal ? middle >= goal.atLeast : middle <= goal.atMost);
  return { name, unit, goal, median: middle, min: Math.min(...values), max: Math.max(...values), met };
}

export function toText({ title, figures, notes = [] }: Report): string {
  const table = new Table({
    head: ['', 'median', 'min', 'max', '', 'goal', 'met'],
    style: { head: [], border: [] },
    colAligns: ['left', 'right', 'right', 'right', 'left', 'right', 'left'],
  });
  for (const figure of figures) {
    const { name, unit, goal, met, ...measured } = summarise(figure);
    const numbers = [measured.median, measured.min, measured.max].map(shown);
    table.push([
      name,
      ...numbers,
      unit,
      goal ? describeGoal(goal) : '',
      met === null ? '' : met ? 'yes' : 'no',
    ]);
  }
  return ['', title, ...(figures.length > 0 ? [table.toString()] : []), ...notes].join('\n');
}

function describeGoal(goal: Goal): string {
  return 'atLeast' in goal ? `≥ ${shown(goal.atLeast)}` : `≤ ${shown(goal.atMost)}`;
}

function shown(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));
}
