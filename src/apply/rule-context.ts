const DAY = new Intl.DateTimeFormat('en-CA', { timeZone: 'Africa/Algiers', dateStyle: 'short' });

/** The calendar day in Algiers, `YYYY-MM-DD`: "today" of every rule of the form. */
export function dayInAlgiers(nowMs: number): string {
  return DAY.format(nowMs);
}
