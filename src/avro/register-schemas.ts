import pLimit from 'p-limit';
import { BridgeError } from '../domain/errors.ts';
import type { TopicRoute } from '../ports.ts';
import type { RegistryClient } from './create-registry-client.ts';
import type { Contracts } from './load-contracts.ts';

/** Subjects registered at once: enough to hide the way to the registry, few enough not to trouble it. */
const CONCURRENCY = 8;

export interface RegisterSchemasDeps {
  readonly contracts: Contracts;
  readonly routes: Iterable<TopicRoute>;
  readonly registry: Pick<RegistryClient, 'register'>;
}

/** Registers the record of every topic under `<topic>-value` and returns topic → schema id. Repeating it changes
 *  nothing. Throws PermanentError `SCHEMA_REFUSED` for the first schema that the registry refuses; the registrations
 *  under way end first. */
export async function registerSchemas(deps: RegisterSchemasDeps): Promise<ReadonlyMap<string, number>> {
  const definitions = new Map<string, string>();
  const limit = pLimit({ concurrency: CONCURRENCY, rejectOnClear: true });
  const registered = await Promise.allSettled(
    [...deps.routes].map((route) =>
      limit(async () => {
        const { record, schema } = deps.contracts.event(route.record);
        let definition = definitions.get(record);
        if (definition === undefined) definitions.set(record, (definition = JSON.stringify(schema)));
        try {
          return [route.topic, await deps.registry.register(subjectOf(route.topic), definition)] as const;
        } catch (error) {
          // Without its contracts nothing runs, so the subjects that have not begun need not be tried.
          limit.clearQueue();
          throw error;
        }
      }),
    ),
  );
  const reasons = registered.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  // The subjects that were not tried any more reject too, with what p-limit says of them.
  if (reasons.length > 0) throw reasons.find((reason) => reason instanceof BridgeError) ?? reasons[0];
  return new Map(
    registered.map((result) => (result as PromiseFulfilledResult<readonly [string, number]>).value),
  );
}

/** The registry's name for the values of a topic. */
export function subjectOf(topic: string): string {
  return `${topic}-value`;
}
