import { v7 } from 'uuid';

/** A new UUIDv7: ids made by one process sort in the order they were made, which keeps their indexes dense. */
export const newId = (): string => v7();
