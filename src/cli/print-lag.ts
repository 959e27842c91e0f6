import Table from 'cli-table3';
import type { LagDocument } from '../api/read-lag.ts';
import { formatCount, formatSeconds } from '../domain/lag/format.ts';
import { needsAttention } from '../domain/lag/verdict.ts';

type Row = LagDocument['rows'][number];

const ARROWS: Readonly<Record<Row['direction'], string>> = {
  in: '→ us',
  out: 'us →',
  read: '→ them',
  silence: 'writes',
};

/** From when on a walk that does not get on is worth a line; the alert's limit. */
const CURSOR_IS_OLD_SECONDS = 3_600;

/** The table, worst first, and below it what else is known of each insurer. Rows that are fine are counted, unless
 *  `all`. */
export function describeLag({ asOf, database, kafka, rows, providers }: LagDocument, all: boolean): string {
  const shown = all ? rows : rows.filter(({ verdict }) => verdict !== 'OK');
  const fine = rows.length - shown.length;
  const lines = [
    `as of ${asOf.slice(0, 19).replace('T', ' ')} UTC`,
    ...(database ? [] : ['! PostgreSQL does not answer: positions are the last that are known.']),
    ...(kafka ? [] : ['! Kafka does not answer: nothing can be said of the logs.']),
    ...(shown.length === 0 ? [] : [tableOf(shown)]),
    ...(fine === 0 ? [] : [`${fine} OK (--all shows them)`]),
    ...providers.flatMap(describeFigures),
  ];
  return lines.join('\n');
}

/** For scripts: whether anything needs a person. */
export function exitCodeOf({ rows }: LagDocument): 0 | 2 {
  return rows.some(({ verdict }) => needsAttention(verdict)) ? 2 : 0;
}

function tableOf(rows: readonly Row[]): string {
  const table = new Table({
    head: ['provider', 'topic', '', 'verdict', 'behind', 'rate', 'done in', 'cause', 'next'],
    style: { head: [], border: [] },
    colWidths: [null, null, null, null, 28, null, 12, 50, 30],
    wordWrap: true,
  });
  for (const row of rows)
    table.push([
      row.provider,
      nameOf(row),
      ARROWS[row.direction],
      row.verdict,
      behindOf(row),
      row.ratePerSecond === null ? '' : `${row.ratePerSecond.toFixed(1)}/s`,
      drainOf(row),
      row.cause,
      row.next ?? '',
    ]);
  return table.toString();
}

function nameOf({ topic, partitions }: Row): string {
  if (topic === null) return 'all';
  return partitions === null ? topic : `${topic} [${partitions.join(', ')}]`;
}

/** `3 min 12 s, 4,312 events` */
function behindOf({ behindSeconds, messages, direction }: Row): string {
  if (behindSeconds === null || messages === null) return 'unknown';
  if (messages === 0 || direction === 'silence') return '';
  return `${formatSeconds(behindSeconds)}, ${formatCount(messages, 'event')}`;
}

function drainOf({ drainSeconds, messages }: Row): string {
  if (drainSeconds === null || !messages) return '';
  return drainSeconds === 'never' ? 'never at this rate' : formatSeconds(drainSeconds);
}

function describeFigures(each: LagDocument['providers'][number]): readonly string[] {
  const { provider, circuit, clockSkewSeconds, quarantine, conflicts, outbox, cursors } = each;
  const held = quarantine.filter(({ open }) => open > 0);
  const parts = [
    ...held.map(
      ({ code, open, oldestSeconds }) =>
        `${formatCount(open, 'event')} in quarantine as ${code}, the oldest for ${formatSeconds(oldestSeconds)}`,
    ),
    ...conflicts.map(
      ({ severity, open, oldestSeconds }) =>
        `${formatCount(open, `${severity} conflict`)} open, the oldest for ${formatSeconds(oldestSeconds)}`,
    ),
    ...(outbox.parked > 0 ? [`${formatCount(outbox.parked, 'edit')} parked, which Kafka refused`] : []),
    ...(circuit === 'open' || circuit === 'half-open' ? [`the breaker of its GET API is ${circuit}`] : []),
    ...cursors
      .filter(({ ageSeconds }) => ageSeconds >= CURSOR_IS_OLD_SECONDS)
      .map(
        ({ collection, ageSeconds }) =>
          `its GET API was last walked for ${collection} ${formatSeconds(ageSeconds)} ago`,
      ),
    ...(clockSkewSeconds !== null && clockSkewSeconds >= 2
      ? [`its clock is ${formatSeconds(clockSkewSeconds)} ahead`]
      : []),
  ];
  return parts.length === 0 ? [] : [`${provider}: ${parts.join('; ')}`];
}
