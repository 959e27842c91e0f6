import { TimeoutError } from '@platformatic/kafka';
import type { Admin } from '@platformatic/kafka';
import { translateKafkaError, unfold } from './translate-error.ts';

/** What `work` asks of the cluster through `admin`; its failure translated. A connection that owed an answer for too long
 *  is closed with all others: the client would ask it again for ever, and the next question opens a new one. */
export async function askCluster<T>(admin: Admin, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (unfold(error).some((link) => link instanceof TimeoutError)) {
      for (const [, connection] of admin.connections) connection.socket?.destroy();
    }
    throw translateKafkaError(error, doing);
  }
}
