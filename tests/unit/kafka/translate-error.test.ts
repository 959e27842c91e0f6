import { ProtocolError, ResponseError } from '@platformatic/kafka';
import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { MovedError, PermanentError, TransientError } from '../../../src/domain/errors.ts';
import { judgeRefusal } from '../../../src/kafka/judge-refusal.ts';
import { isMembershipLost, kafkaErrorType, translateKafkaError } from '../../../src/kafka/translate-error.ts';

const protocolError = (type: string, retriable = false) =>
  new kafkajs.KafkaJSProtocolError(Object.assign(new Error(`says ${type}`), { type, code: 1, retriable }));

/** An error whose constructor kafkajs leaves out of its types. */
const named = (name: string, cause?: Error) => Object.assign(new Error('it says so', { cause }), { name });

describe('translateKafkaError', () => {
  const scenarios: readonly (readonly [
    story: string,
    error: Error,
    kind: typeof TransientError | typeof PermanentError,
    code: string,
  ])[] = [
    [
      'a lost connection',
      new kafkajs.KafkaJSConnectionError('Connection timeout'),
      TransientError,
      'KAFKA_UNAVAILABLE',
    ],
    [
      'retries that ran out',
      new kafkajs.KafkaJSNumberOfRetriesExceeded(new kafkajs.KafkaJSConnectionError('closed'), {
        retryCount: 5,
        retryTime: 1,
      }),
      TransientError,
      'KAFKA_UNAVAILABLE',
    ],
    [
      'a refused socket',
      Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
      TransientError,
      'KAFKA_UNAVAILABLE',
    ],
    ['a wrong password', named('KafkaJSSASLAuthenticationError'), TransientError, 'KAFKA_UNAUTHENTICATED'],
    ['a missing ACL', protocolError('GROUP_AUTHORIZATION_FAILED'), TransientError, 'KAFKA_UNAUTHORISED'],
    [
      'a missing topic below two wrappings',
      named('KafkaJSNonRetriableError', protocolError('UNKNOWN_TOPIC_OR_PARTITION')),
      TransientError,
      'TOPIC_MISSING',
    ],
    [
      'a refused request of the other client',
      new ResponseError(19, 7, { '/topics/0': [38, 'too many replicas'] }, {}),
      PermanentError,
      'KAFKA_REFUSED',
    ],
    ['an unknown answer', new ProtocolError(-1), TransientError, 'KAFKA_UNAVAILABLE'],
  ];

  it.each(scenarios)('names the consequence of %s', (_story, error, kind, code) => {
    const translated = translateKafkaError(error, 'doing something');
    expect(translated).toBeInstanceOf(kind);
    expect(translated).toMatchObject({ code, cause: error });
    expect((translated as Error).message).toMatch(/^doing something: .+/);
  });

  it('leaves a bug and our own errors as they are', () => {
    for (const error of [new TypeError('undefined is not a function'), new MovedError('position', 'gone')]) {
      expect(translateKafkaError(error, 'doing something')).toBe(error);
    }
  });

  it('ends on an error that is its own cause', () => {
    const error = protocolError('REQUEST_TIMED_OUT');
    Object.assign(error, { cause: error });
    expect(kafkaErrorType(error)).toBe('REQUEST_TIMED_OUT');
  });
});

describe('isMembershipLost', () => {
  it.each(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])('is true for %s', (type) => {
    expect(isMembershipLost(protocolError(type))).toBe(true);
  });
  it('is false when only the coordinator is away', () => {
    expect(isMembershipLost(protocolError('GROUP_COORDINATOR_NOT_AVAILABLE'))).toBe(false);
    expect(isMembershipLost(new kafkajs.KafkaJSConnectionError('closed'))).toBe(false);
  });
});

describe('judgeRefusal', () => {
  it('tells a bad record from a closed topic', () => {
    expect(judgeRefusal(protocolError('MESSAGE_TOO_LARGE'))).toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
      of: 'record',
    });
    expect(judgeRefusal(protocolError('TOPIC_AUTHORIZATION_FAILED'))).toMatchObject({ of: 'topic' });
  });
  it.each([
    'REQUEST_TIMED_OUT',
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'UNKNOWN',
  ])('refuses nothing on %s, which leaves open what was written', (type) => {
    expect(judgeRefusal(protocolError(type))).toBeUndefined();
  });
});
