import { median, type Chart } from './figures.ts';

const WIDTH = 470;
const HEIGHT = 330;
/** Of the plot within its panel. */
const PLOT = { left: 75, right: 445, top: 55, bottom: 265 };

const STYLE = `
  text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; stroke: #ffffff; stroke-width: 3px; paint-order: stroke }
  .title { font-weight: 600; font-size: 13px }
  .page { fill: #ffffff }
  .axis { stroke: #d1d9e0 }
  .line { stroke: #0969da; stroke-width: 2; fill: none }
  .point { fill: #0969da }
  .span { stroke: #0969da; stroke-width: 1.5 }
  .goal { stroke: #bc4c00; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .goal-label { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; stroke: #0d1117 }
    .page { fill: #0d1117 }
    .axis { stroke: #3d444d }
    .line, .span { stroke: #58a6ff }
    .point { fill: #58a6ff }
    .goal { stroke: #f0883e }
    .goal-label { fill: #f0883e }
  }`;

/** The charts side by side, as SVG: medians on a line, a bar from the least to the most of all rounds. */
export function drawCharts(charts: readonly Chart[]): string {
  const width = WIDTH * charts.length;
  const panels = charts.map((chart, i) => `<g transform="translate(${i * WIDTH} 0)">${drawChart(chart)}</g>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img">`,
    `<title>${escape(charts.map(({ title }) => title).join('; '))}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" width="${width}" height="${HEIGHT}"/>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function drawChart({ title, x, y, points, goal }: Chart): string {
  const { left, right, top, bottom } = PLOT;
  const [lowest, highest] = [points[0]!.x, points.at(-1)!.x].map(Math.log10) as [number, number];
  const toX = (value: number) =>
    left + 20 + ((Math.log10(value) - lowest) / (highest - lowest || 1)) * (right - left - 40);
  const ticks = ticksTo(Math.max(...points.flatMap(({ values }) => values), goal?.y ?? 0));
  const toY = (value: number) => bottom - (value / ticks.at(-1)!) * (bottom - top);
  const spots = points.map((point) => ({ ...point, at: [toX(point.x), toY(median(point.values))] as const }));
  return [
    label(left, 25, title, 'class="title"'),
    ...ticks.map((tick) => line(left, toY(tick), right, toY(tick), 'axis')),
    ...ticks.map((tick) => label(left - 8, toY(tick) + 4, tick.toLocaleString('en'), 'text-anchor="end"')),
    label(0, 0, y, `text-anchor="middle" transform="translate(18 ${(top + bottom) / 2}) rotate(-90)"`),
    label((left + right) / 2, bottom + 45, `${x} (logarithmic)`, 'text-anchor="middle"'),
    ...(goal === undefined
      ? []
      : [
          line(left, toY(goal.y), right, toY(goal.y), 'goal'),
          label(right, toY(goal.y) + 16, goal.label, 'class="goal-label" text-anchor="end"'),
        ]),
    `<polyline class="line" points="${spots.map(({ at }) => at.map(round).join(',')).join(' ')}"/>`,
    ...spots.flatMap(({ x: value, values, at: [cx, cy] }) => [
      line(cx, toY(Math.min(...values)), cx, toY(Math.max(...values)), 'span'),
      `<circle class="point" cx="${round(cx)}" cy="${round(cy)}" r="4"/>`,
      label(
        cx,
        toY(Math.max(...values)) - 9,
        Math.round(median(values)).toLocaleString('en'),
        'text-anchor="middle"',
      ),
      label(cx, bottom + 20, value.toLocaleString('en'), 'text-anchor="middle"'),
    ]),
  ].join('\n');
}

/** From 0 in four to eight round steps to what holds the value and its label. */
function ticksTo(value: number): readonly number[] {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [0.2, 0.5, 1, 2].map((share) => share * power).find((each) => value / each <= 7)!;
  return Array.from({ length: Math.ceil((value * 1.05) / step) + 1 }, (_, i) => i * step);
}

function line(x1: number, y1: number, x2: number, y2: number, kind: string): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round);
  return `<line class="${kind}" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`;
}

function label(x: number, y: number, text: string, attributes: string): string {
  return `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escape(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
