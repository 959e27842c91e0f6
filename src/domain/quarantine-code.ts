/** Why an event waits in quarantine, and what the code means to the person who finds it there. A closed union, used
 *  unchanged in the table, as metric label, log field and in assertions. */
export const QUARANTINE_EXPLANATIONS = {
  UNDECODABLE: 'The bytes are no event of this topic, or the event contradicts itself.',
  UNKNOWN_SCHEMA: 'The registry knows no schema with the id that the bytes name.',
  WRONG_PROVIDER:
    'The event is about an entity of another provider, or comes from someone who may not write this topic.',
  ORIGIN_UNKNOWN: 'The event says that it is an edit by E-assurance, but E-assurance never sent it.',
  EVENT_ID_REUSED: 'An event with this id was settled before, with another content.',
  REVISION_INVALID:
    'The revision lacks its author, counts below 1, or names a writer that the hub has not allotted.',
  REVISION_FROM_FUTURE:
    'The revision counts edits by E-assurance that E-assurance has not made: perhaps our own database was restored from a backup.',
} as const;

export type QuarantineCode = keyof typeof QUARANTINE_EXPLANATIONS;
