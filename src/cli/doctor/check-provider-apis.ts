import type { SettingsOf } from '../../config/env.ts';
import { BridgeError } from '../../domain/errors.ts';
import type { EntityKind } from '../../domain/kind.ts';
import type { Topology } from '../../ports.ts';
import { createProviderApi } from '../../rest/create-provider-api.ts';
import { systemClock as clock } from '../../runtime/clock.ts';
import { NO_TRACING as tracing } from '../../telemetry/no-tracing.ts';
import { fail, pass, type Check, type Finding } from './finding.ts';

/** Each provider's GET API, asked for one record with each of our keys, as a pull would ask. */
export function checkProviderApis(settings: SettingsOf<'providers'>, topology: Topology): readonly Check[] {
  return [...settings.providerApis].flatMap(([providerId, { url, apiKey, apiKeyNext }]) => {
    const provider = topology.providers.get(providerId);
    if (provider === undefined) return [];
    const kinds = [...topology.kinds.values()];
    const kind = kinds.find(({ collection }) => provider.pull.collections.includes(collection)) ?? kinds[0]!;
    const keys: readonly (readonly [string, string | undefined])[] = [
      ['API_KEY', apiKey],
      ['API_KEY_NEXT', apiKeyNext],
    ];
    return keys.flatMap(([setting, key]) =>
      key === undefined
        ? []
        : [
            {
              name: `provider-api-${providerId}`,
              run: async () => [await askOnce(providerId, setting, url, key, kind)],
            },
          ],
    );
  });
}

async function askOnce(
  providerId: string,
  setting: string,
  url: string,
  apiKey: string,
  kind: EntityKind,
): Promise<Finding> {
  const name = `provider-api-${providerId}`;
  const variable = `PROVIDER_${providerId.toUpperCase()}_${setting}`;
  const limits = { retries: 0, answerTimeoutMs: 10_000 };
  try {
    const api = createProviderApi({ providerId, url, apiKey, clock, tracing, limits });
    await api.fetchPage(kind, { since: null, cursor: null, limit: 1 });
    return pass(name, `${providerId}'s GET API answers to ${variable}.`);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    const sentence = `${error.message[0]!.toUpperCase()}${error.message.slice(1).replace(/\.$/, '')} (${error.code}).`;
    return error.code === 'PROVIDER_UNAUTHORISED'
      ? fail(name, sentence, `ask ${providerId} for a live key and set ${variable}`)
      : fail(name, sentence, `call ${providerId}, or correct PROVIDER_${providerId.toUpperCase()}_API_URL`);
  }
}
