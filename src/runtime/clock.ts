/** Now, in milliseconds since the epoch. The one clock that the program is wired with. */
export const systemClock = (): number => Date.now();
