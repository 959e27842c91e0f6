/** How a reader wants to have times said. */
export type SayTime = (ms: number) => string;

const ALGIERS = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Africa/Algiers',
  dateStyle: 'short',
  timeStyle: 'medium',
  hourCycle: 'h23',
});

/** `2026-03-15` and `14:02:11` in Africa/Algiers. */
export function dayAndTimeInAlgiers(ms: number): readonly [day: string, time: string] {
  return ALGIERS.format(ms).split(', ') as [string, string];
}

/** For people: `14:02:11` of today, else with the day before it; Africa/Algiers. */
export function sayTimeInAlgiers(nowMs: number): SayTime {
  const [today] = dayAndTimeInAlgiers(nowMs);
  return (ms) => {
    const [day, time] = dayAndTimeInAlgiers(ms);
    return day === today ? time : `${day} ${time}`;
  };
}

/** For programs: RFC 3339, UTC. */
export const sayTimeInUtc: SayTime = (ms) => new Date(ms).toISOString();
