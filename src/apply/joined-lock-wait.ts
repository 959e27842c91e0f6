/** How long a transaction that several share waits for rows that another holds: as nobody waits for somebody else's entity,
 *  each then goes on alone, and only who wants that very row waits for it. */
export const JOINED_LOCK_WAIT_MS = 500;
