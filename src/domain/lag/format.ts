/** `12 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`: two units at most, rounded down. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return pair(whole, 60, 'min', 1, 's');
  if (whole < 86_400) return pair(whole, 3_600, 'h', 60, 'min');
  return pair(whole, 86_400, 'd', 3_600, 'h');
}

function pair(seconds: number, unit: number, name: string, lesser: number, lesserName: string): string {
  const rest = Math.floor((seconds % unit) / lesser);
  const head = `${Math.floor(seconds / unit)} ${name}`;
  return rest === 0 ? head : `${head} ${rest} ${lesserName}`;
}

const NUMBERS = new Intl.NumberFormat('en');

/** `1 event`, `4,312 events` */
export function formatCount(count: number | bigint, one: string): string {
  return `${NUMBERS.format(count)} ${one}${Number(count) === 1 ? '' : 's'}`;
}
