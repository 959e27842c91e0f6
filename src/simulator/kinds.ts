/** The kinds of record that this insurer exchanges with E-assurance, from the contract it was given. */
export interface PlatformKind {
  readonly name: string;
  /** Path segment of its GET API. */
  readonly collection: string;
  readonly idField: string;
  /** Action of the event that opens a record, and of every later one. */
  readonly opening: string;
  readonly change: string;
  /** Action → Avro record. */
  readonly records: Readonly<Record<string, string>>;
}

export const KINDS: readonly PlatformKind[] = [
  {
    name: 'constat',
    collection: 'constats',
    idField: 'constatId',
    opening: 'created',
    change: 'updated',
    records: { created: 'ConstatCreated', updated: 'ConstatUpdated' },
  },
  {
    name: 'vehicle',
    collection: 'vehicles',
    idField: 'verificationId',
    opening: 'verified',
    change: 'verified',
    records: { verified: 'VehicleVerified' },
  },
  {
    name: 'policy',
    collection: 'policies',
    idField: 'policyId',
    opening: 'updated',
    change: 'updated',
    records: { updated: 'PolicyUpdated' },
  },
  {
    name: 'claim',
    collection: 'claims',
    idField: 'claimId',
    opening: 'created',
    change: 'processed',
    records: { created: 'ClaimCreated', processed: 'ClaimProcessed' },
  },
];

const BY_NAME = new Map(KINDS.map((kind) => [kind.name, kind]));

export function findKind(name: string): PlatformKind | undefined {
  return BY_NAME.get(name);
}

/** Every topic of one provider: both it and E-assurance read and write them. */
export function topicsOf(providerId: string): readonly string[] {
  return KINDS.flatMap((kind) =>
    Object.keys(kind.records).map((action) => topicOf(providerId, kind, action)),
  );
}

export function topicOf(providerId: string, kind: PlatformKind, action: string): string {
  return `${providerId}-${kind.name}.${action}`;
}

/** Kind and Avro record behind a topic's name; undefined when the topic is not one of the provider's. */
export function routeOf(
  providerId: string,
  topic: string,
): { kind: PlatformKind; action: string; record: string } | undefined {
  for (const kind of KINDS) {
    for (const [action, record] of Object.entries(kind.records)) {
      if (topicOf(providerId, kind, action) === topic) return { kind, action, record };
    }
  }
  return undefined;
}
