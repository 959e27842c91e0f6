import pg from 'pg';

/** A table or column name, quoted: `policy` may be both, and a kind may be called `order`. */
export const quoteName = (name: string): string => pg.escapeIdentifier(name);

/** A text as a literal, for what is part of a statement's text rather than a parameter. */
export const quoteText = (text: string): string => pg.escapeLiteral(text);
