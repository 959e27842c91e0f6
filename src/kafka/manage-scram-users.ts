import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import {
  Connection,
  ScramMechanisms,
  alterUserScramCredentialsV0,
  describeUserScramCredentialsV0,
} from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { PermanentError, TransientError } from '../domain/errors.ts';
import type { ClusterAdmin } from '../ports.ts';
import type { KafkaConnection } from './connection.ts';
import { anyBroker, toTransport } from './create-kafka-admin.ts';
import { translateKafkaError } from './translate-error.ts';

type UserAdmin = Pick<ClusterAdmin, 'inspectUser' | 'setPassword'>;

/** Kafka's minimum, and what its own tools use. */
const ITERATIONS = 4096;
const USER_NOT_FOUND = 91;
const derive = promisify(pbkdf2);
type Answer = Awaited<ReturnType<typeof describeUserScramCredentialsV0.api.async>>;

/** SCRAM-SHA-256 users. Kafka tells that a user exists but never compares a password, so a given password is tried by
 *  logging in with it. */
export function manageScramUsers(admin: Admin, connection: KafkaConnection): UserAdmin {
  const exists = async (user: string): Promise<boolean> => {
    const { results } = await describeUserScramCredentialsV0.api
      .async(await anyBroker(admin), [{ name: user }])
      .catch(answerOf);
    const found = results.find((result) => result.user === user);
    return (
      found !== undefined &&
      found.credentialInfos.some(({ mechanism }) => mechanism === ScramMechanisms.SCRAM_SHA_256)
    );
  };

  return {
    async inspectUser(user, password) {
      try {
        if (!(await exists(user))) return 'absent';
        if (password === undefined || connection.sasl === undefined) return 'unchecked';
        return (await canLogIn(connection, user, password)) ? 'current' : 'other password';
      } catch (error) {
        throw translateKafkaError(error, `inspecting the Kafka user ${user}`);
      }
    },
    async setPassword(user, password) {
      try {
        const salt = randomBytes(32);
        const saltedPassword = await derive(password, salt, ITERATIONS, 32, 'sha256');
        const credential = {
          name: user,
          mechanism: ScramMechanisms.SCRAM_SHA_256,
          iterations: ITERATIONS,
          salt,
          saltedPassword,
        };
        const { results } = await alterUserScramCredentialsV0.api.async(
          await anyBroker(admin),
          [],
          [credential],
        );
        const refused = results.find(({ errorCode }) => errorCode !== 0);
        if (refused)
          throw new PermanentError('KAFKA_REFUSED', refused.errorMessage ?? `error ${refused.errorCode}`);
      } catch (error) {
        throw translateKafkaError(error, `setting the password of the Kafka user ${user}`);
      }
    },
  };
}

/** The client rejects an answer in which one user is unknown; that is an answer all the same. */
function answerOf(error: unknown): Answer {
  const response = (error as { response?: Answer }).response;
  const onlyUnknown = response?.results.every(
    ({ errorCode }) => errorCode === 0 || errorCode === USER_NOT_FOUND,
  );
  if (response === undefined || !onlyUnknown) throw error;
  return response;
}

async function canLogIn(connection: KafkaConnection, username: string, password: string): Promise<boolean> {
  const sasl = { mechanism: 'scram-sha-256', username, password } as const;
  let unreachable: unknown;
  for (const broker of connection.brokers) {
    const attempt = new Connection(connection.clientId, {
      ...toTransport({ ssl: connection.ssl, sasl }),
      connectTimeout: 5_000,
    });
    const at = broker.lastIndexOf(':');
    try {
      await attempt.connect(broker.slice(0, at), Number(broker.slice(at + 1)));
      return true;
    } catch (error) {
      const translated = translateKafkaError(error, `logging in as ${username}`);
      if (translated instanceof TransientError && translated.code === 'KAFKA_UNAUTHENTICATED') return false;
      unreachable = error;
    } finally {
      await attempt.close().catch(() => {});
    }
  }
  throw unreachable;
}
