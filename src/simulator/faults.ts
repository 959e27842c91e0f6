/** What can go wrong at an insurer, each as it would really leave its platform. A publication fault strikes as often as
 *  its number says, then no more; `true` strikes until it is switched off. */
export interface PublicationFaults {
  /** The relay loses the acknowledgement and sends again: same event id, twice on the topic. */
  readonly publishTwice: Strikes;
  /** The relay holds the outbox until at least two wait, then sends the newest first. */
  readonly reorderBatches: Strikes;
  /** After an edit, a cache sends the state before it once more, under a new event id. */
  readonly publishOlder: Strikes;
  /** Nobody checks at which revision the form was opened: the edit lands on the state before the last write, with a
   *  revision that has not seen it. */
  readonly staleEdits: Strikes;
  /** The lock on a signed front is missing: an edit of it goes through and is published. */
  readonly tamperSealedFront: Strikes;
  /** Restored from a backup under the same writer id: the edit gets a counter that was used before. */
  readonly reuseCounters: Strikes;
  /** The event claims to be E-assurance's. */
  readonly forgedOrigin: Strikes;
  /** The event claims to belong to an insurer that this one is not. */
  readonly foreignProvider: Strikes;
  /** The event carries the id of the one before it of the same record. */
  readonly reusedEventId: Strikes;
  /** The revision lacks its author's entry. */
  readonly invalidRevision: Strikes;
  /** The revision has seen an edit of E-assurance that nobody made. */
  readonly futureRevision: Strikes;
  /** A mirror on the way drops every header. */
  readonly stripHeaders: Strikes;
  /** The value is cut off in the middle. */
  readonly undecodableBytes: Strikes;
  /** The framing names a schema that the registry never had. */
  readonly unknownSchemaId: Strikes;
}

export type Strikes = number | true;
export type PublicationFault = keyof PublicationFaults;

/** How the GET API misbehaves, until it is told otherwise. `slow` answers after `apiDelayMs`; `never` keeps the caller waiting. */
export const API_FAULTS = ['none', '500', 'garbage', 'never', '401', 'slow', '429'] as const;
export type ApiFault = (typeof API_FAULTS)[number];

export interface FaultSettings extends PublicationFaults {
  /** The line to Kafka is cut: publications wait in the outbox, edits go on. Switched off, they leave in order. */
  readonly holdPublications: boolean;
  readonly api: ApiFault;
  readonly apiDelayMs: number;
}

const NONE: FaultSettings = {
  publishTwice: 0,
  reorderBatches: 0,
  publishOlder: 0,
  staleEdits: 0,
  tamperSealedFront: 0,
  reuseCounters: 0,
  forgedOrigin: 0,
  foreignProvider: 0,
  reusedEventId: 0,
  invalidRevision: 0,
  futureRevision: 0,
  stripHeaders: 0,
  undecodableBytes: 0,
  unknownSchemaId: 0,
  holdPublications: false,
  api: 'none',
  apiDelayMs: 5_000,
};

/** The knobs of one platform. */
export interface FaultKnobs {
  current(): FaultSettings;
  /** Turns the given knobs; the others stay. `onChange` listeners hear of it. */
  set(change: Partial<FaultSettings>): void;
  clear(): void;
  /** True when the fault is to strike now; one strike is then used up. */
  strikes(fault: PublicationFault): boolean;
  /** True while the fault still has strikes; uses none. */
  armed(fault: PublicationFault): boolean;
}

export function createFaultKnobs(onChange: () => void = () => undefined): FaultKnobs {
  let settings = NONE;
  return {
    current: () => settings,
    set(change) {
      settings = { ...settings, ...change };
      onChange();
    },
    clear() {
      settings = NONE;
      onChange();
    },
    strikes(fault) {
      const left = settings[fault];
      if (typeof left === 'number' && left > 0) settings = { ...settings, [fault]: left - 1 };
      return left === true || left > 0;
    },
    armed: (fault) => settings[fault] === true || settings[fault] > 0,
  };
}

export const PUBLICATION_FAULTS = Object.keys(NONE).filter(
  (name) => !['holdPublications', 'api', 'apiDelayMs'].includes(name),
) as PublicationFault[];
