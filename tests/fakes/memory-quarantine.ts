import { MovedError } from '../../src/domain/errors.ts';
import type { QuarantineEnd, QuarantineRow, WritePlan } from '../../src/ports.ts';

export interface MemoryQuarantineRow extends QuarantineRow {
  readonly id: string;
  readonly attempts: number;
  /** Null while it waits. */
  readonly how: QuarantineEnd | null;
}

type SameRecord = Pick<QuarantineRow, 'topic' | 'key' | 'value'>;

/** What a plan does to quarantine, in the order of the real store: steps, records that settled, arrivals. One row per
 *  distinct record; a later arrival counts, brings the newest code and cause, and undoes an end that people didn't make. */
export function changeQuarantine(
  before: readonly MemoryQuarantineRow[],
  { quarantineSteps = [], settledRecords = [], quarantined }: WritePlan,
): readonly MemoryQuarantineRow[] {
  const rows = [...before];
  for (const { id, how } of quarantineSteps) {
    const at = rows.findIndex((row) => row.id === id && row.how === null);
    if (at === -1) throw new MovedError('quarantine', `record ${id} has been settled`);
    rows[at] = { ...rows[at]!, how };
  }
  for (const record of settledRecords) {
    const at = rows.findIndex((row) => row.how === null && sameRecord(row, record));
    if (at !== -1) rows[at] = { ...rows[at]!, how: record.outcome as QuarantineEnd };
  }
  for (const arrival of quarantined) {
    const at = rows.findIndex((row) => sameRecord(row, arrival));
    const row = rows[at];
    if (row === undefined) rows.push({ ...arrival, id: String(rows.length + 1), attempts: 1, how: null });
    else {
      const { code, cause } = arrival;
      const how = row.how === 'discarded' || row.how === 'edited' ? row.how : null;
      rows[at] = { ...row, code, cause, how, attempts: row.attempts + 1 };
    }
  }
  return rows;
}

export function sameRecord(a: SameRecord, b: SameRecord): boolean {
  const same = (x: Buffer | null, y: Buffer | null) => (x === null || y === null ? x === y : x.equals(y));
  return a.topic === b.topic && same(a.key, b.key) && same(a.value, b.value);
}
