import { BridgeError, PermanentError, TransientError } from '../domain/errors.ts';

/** Requests that the cluster understood and will refuse again. */
const REFUSED = new Set([
  'INVALID_CONFIG',
  'INVALID_PARTITIONS',
  'INVALID_REPLICATION_FACTOR',
  'INVALID_REPLICA_ASSIGNMENT',
  'INVALID_REQUEST',
  'INVALID_TOPIC_EXCEPTION',
  'INVALID_GROUP_ID',
  'POLICY_VIOLATION',
  'TOPIC_ALREADY_EXISTS',
  'UNACCEPTABLE_CREDENTIAL',
  'UNSUPPORTED_SASL_MECHANISM',
  'UNSUPPORTED_VERSION',
  'SECURITY_DISABLED',
]);
const NETWORK =
  /^(ECONN|EHOST|ENET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED)/;

/** What an error of kafkajs or @platformatic/kafka means for us, with the original as `cause`:
 *  - `KAFKA_UNAUTHENTICATED`, `KAFKA_UNAUTHORISED`, `TOPIC_MISSING`: transient, since an operator mends them while we run;
 *  - `KAFKA_REFUSED`: permanent, the request itself is wrong;
 *  - anything else of theirs, and of the network: transient `KAFKA_UNAVAILABLE`.
 *  Our own errors and everything unknown (a bug) come back unchanged. */
export function translateKafkaError(error: unknown, doing: string): unknown {
  if (error instanceof BridgeError) return error;
  const chain = unfold(error);
  if (!chain.some(isKafkaOrNetwork)) return error;
  const type = kafkaErrorType(error);
  const reason = `${doing}: ${chain.at(-1)!.message || type || chain[0]!.message}`;
  const options = { cause: error };
  if (chain.some(isAuthentication)) {
    return new TransientError(
      'KAFKA_UNAUTHENTICATED',
      `${doing}: Kafka refuses the user or its password`,
      options,
    );
  }
  if (chain.some(({ name }) => name === 'KafkaJSGroupCoordinatorNotFound')) {
    // kafkajs hides which of the two it was.
    const message = `${doing}: no group coordinator; either the brokers are away, or this user may not use the group`;
    return new TransientError('KAFKA_UNAVAILABLE', message, options);
  }
  if (type?.endsWith('AUTHORIZATION_FAILED'))
    return new TransientError('KAFKA_UNAUTHORISED', reason, options);
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new TransientError('TOPIC_MISSING', `${doing}: the topic does not exist`, options);
  }
  if (type !== undefined && REFUSED.has(type)) return new PermanentError('KAFKA_REFUSED', reason, options);
  return new TransientError('KAFKA_UNAVAILABLE', reason, options);
}

/** The protocol's name of the error (`MESSAGE_TOO_LARGE` …), however deep it is wrapped. */
export function kafkaErrorType(error: unknown): string | undefined {
  for (const link of unfold(error)) {
    const type = link.type ?? link.apiId;
    if (typeof type === 'string') return type;
    // How @platformatic/kafka reports error 3 of a metadata answer.
    if (link.code === 'PLT_KFK_USER' && link.message.startsWith('Unknown topic'))
      return 'UNKNOWN_TOPIC_OR_PARTITION';
  }
  return undefined;
}

/** True when the group has moved on without this member: its partitions are, or may be, another's. */
export function isMembershipLost(error: unknown): boolean {
  const type = kafkaErrorType(error);
  return type === 'REBALANCE_IN_PROGRESS' || type === 'ILLEGAL_GENERATION' || type === 'UNKNOWN_MEMBER_ID';
}

interface Link extends Error {
  readonly type?: unknown;
  readonly apiId?: unknown;
  readonly code?: unknown;
  readonly errors?: unknown;
}

/** The error and all it wraps, outermost first. */
export function unfold(error: unknown, seen = new Set<unknown>()): Link[] {
  if (!(error instanceof Error) || seen.has(error)) return [];
  seen.add(error);
  const inner = (error as Link).errors;
  return [
    error,
    ...(Array.isArray(inner) ? inner : []).flatMap((each) => unfold(each, seen)),
    ...unfold(error.cause, seen),
  ];
}

function isKafkaOrNetwork(error: Link): boolean {
  const code = typeof error.code === 'string' ? error.code : '';
  return error.name.startsWith('KafkaJS') || code.startsWith('PLT_KFK_') || NETWORK.test(code);
}

function isAuthentication(error: Link): boolean {
  return (
    error.name === 'KafkaJSSASLAuthenticationError' ||
    error.code === 'PLT_KFK_AUTHENTICATION' ||
    error.type === 'SASL_AUTHENTICATION_FAILED' ||
    error.apiId === 'SASL_AUTHENTICATION_FAILED'
  );
}
