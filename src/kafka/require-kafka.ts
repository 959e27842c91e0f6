import type { Admin } from '@platformatic/kafka';
import { UsageError } from '../domain/errors.ts';
import { checkKafkaHealth } from './check-health.ts';

/** Throws UsageError unless a broker answers as this user: at the start a wrong address or password is a wrong setting;
 *  later it would be an outage that is waited for. `admin` stays the caller's. */
export async function requireKafka(admin: Admin, brokers: readonly string[]): Promise<void> {
  const { status, detail } = await checkKafkaHealth(admin)();
  if (status === 'up') return;
  throw new UsageError(
    `Kafka at ${brokers.join(', ')} can't be used (${detail}): start it, or correct KAFKA_BROKERS and KAFKA_SASL_*`,
  );
}
