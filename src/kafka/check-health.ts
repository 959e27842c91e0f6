import type { Admin } from '@platformatic/kafka';
import type { HealthCheck } from '../ports.ts';
import { BridgeError } from '../domain/errors.ts';
import { askCluster } from './ask-cluster.ts';

/** `up` when a broker answers as this user, else `down` with the reason; never rejects. `admin` stays the caller's. */
export function checkKafkaHealth(admin: Admin): HealthCheck {
  return async function kafka() {
    try {
      const { brokers } = await askCluster(admin, 'asking Kafka for its brokers', () =>
        admin.metadata({ topics: [], forceUpdate: true }),
      );
      return {
        name: 'kafka',
        status: 'up',
        detail: `${brokers.size} broker${brokers.size === 1 ? '' : 's'} in the cluster`,
      };
    } catch (error) {
      const detail = error instanceof BridgeError ? `${error.code}: ${error.message}` : String(error);
      return { name: 'kafka', status: 'down', detail };
    }
  };
}
