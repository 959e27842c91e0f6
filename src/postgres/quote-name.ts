import pg from 'pg';

/** A table or column name, quoted: `policy` may be both, and a kind may be called `order`. */
export const quoteName = (name: string): string => pg.escapeIdentifier(name);
