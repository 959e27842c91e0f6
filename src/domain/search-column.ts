import { calendarDate, instant } from './calendar-date.ts';
import type { Json, JsonObject } from './json.ts';
import type { SearchColumn, SearchFilter } from './kind.ts';
import { normalisePlate } from './plate.ts';
import { isRecord } from './read-state.ts';
import { searchText } from './search-text.ts';
import { normaliseVin } from './vin.ts';

type Read = (state: JsonObject) => Json | undefined;

/** A column of bounded, cleaned text. */
export function textColumn(name: string, read: Read): SearchColumn {
  return { name, type: 'text', value: (state) => searchText(read(state)) };
}

/** A column of days; what is no day of the calendar is null. */
export function dateColumn(name: string, read: Read): SearchColumn {
  return { name, type: 'date', value: (state) => calendarDate(read(state)) };
}

/** A column of instants; what is none is null. */
export function instantColumn(name: string, read: Read): SearchColumn {
  return { name, type: 'timestamptz', value: (state) => instant(read(state)) };
}

/** The plate of the `Vehicle` that `read` finds, normalised: from its normalised form, else from what was written. */
export function plateColumn(name: string, read: Read): SearchColumn {
  return { name, type: 'text', value: (state) => plateOf(read(state)) };
}

/** The VIN of the `Vehicle` that `read` finds. */
export function vinColumn(name: string, read: Read): SearchColumn {
  return { name, type: 'text', value: (state) => vinOf(read(state)) };
}

function plateOf(vehicle: Json | undefined): string | null {
  if (!isRecord(vehicle)) return null;
  return normalisePlate(vehicle['plateNormalized']) ?? normalisePlate(vehicle['plateRaw']);
}

function vinOf(vehicle: Json | undefined): string | null {
  return isRecord(vehicle) ? normaliseVin(vehicle['vin']) : null;
}

/** A filter that compares cleaned text. */
export function textFilter(...columns: string[]): SearchFilter {
  return { columns, normalize: (value) => searchText(value) ?? '' };
}

export function plateFilter(...columns: string[]): SearchFilter {
  return { columns, normalize: (value) => normalisePlate(value) ?? '' };
}

export function vinFilter(...columns: string[]): SearchFilter {
  return { columns, normalize: (value) => normaliseVin(value) ?? '' };
}
