import type { Admin } from '@platformatic/kafka';
import type { HealthCheck } from '../ports.ts';
import { BridgeError } from '../domain/errors.ts';
import { translateKafkaError } from './translate-error.ts';

/** `up` when a broker answers as this user, else `down` with the reason; never rejects. `admin` stays the caller's. */
export function checkKafkaHealth(admin: Admin): HealthCheck {
  return async function kafka() {
    try {
      const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
      return {
        name: 'kafka',
        status: 'up',
        detail: `${brokers.size} broker${brokers.size === 1 ? '' : 's'} in the cluster`,
      };
    } catch (error) {
      const translated = translateKafkaError(error, 'asking Kafka for its brokers');
      const detail =
        translated instanceof BridgeError ? `${translated.code}: ${translated.message}` : String(translated);
      return { name: 'kafka', status: 'down', detail };
    }
  };
}
