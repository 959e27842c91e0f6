import { TransientError } from '../domain/errors.ts';
import type { CanaryTopic, Clock, Log, TopicSink } from '../ports.ts';
import type { Service } from '../runtime/run-services.ts';
import { sleep } from '../runtime/sleep.ts';
import { composeHeartbeat } from './heartbeat.ts';

export interface SendHeartbeatsDeps {
  readonly sink: TopicSink;
  readonly log: Log;
  readonly clock: Clock;
}

/** A heartbeat now and then, on a topic of its own, so that the whole way out and in is known to be open also while nobody
 *  edits. One that can't be sent is dropped: its absence is the message. */
export function sendHeartbeats(
  providerId: string,
  { topic, intervalMs }: CanaryTopic,
  { sink, log, clock }: SendHeartbeatsDeps,
): Service {
  return {
    name: `canary ${providerId}`,
    async run(signal) {
      for (;;) {
        try {
          const [result] = await sink.send([composeHeartbeat(topic, providerId, clock())]);
          if (result?.status === 'refused') log.warn({ topic, code: result.code }, result.cause);
        } catch (error) {
          if (!(error instanceof TransientError)) throw error;
          log.debug({ err: error, topic }, 'a heartbeat was not sent');
        }
        await sleep(intervalMs, signal);
      }
    },
  };
}
