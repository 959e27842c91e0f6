import { url } from './setting-types.ts';

export interface ProviderApiSettings {
  readonly url: string;
  readonly apiKey: string;
  /** The key that replaces `apiKey` while the provider rotates it; both are live. */
  readonly apiKeyNext: string | undefined;
}

/** Suffixes of `PROVIDER_<ID>_…`; `<ID>` is the provider's id of topics.yaml in capitals. */
export const PROVIDER_SETTING_SUFFIXES = ['API_URL', 'API_KEY', 'API_KEY_NEXT', 'KAFKA_PASSWORD'] as const;

const variable = /^PROVIDER_([A-Z][A-Z0-9]{1,30})_(API_URL|API_KEY|API_KEY_NEXT|KAFKA_PASSWORD)$/;

export interface ProviderSettings {
  readonly apis: ReadonlyMap<string, ProviderApiSettings>;
  readonly kafkaPasswords: ReadonlyMap<string, string>;
  readonly apiFaults: readonly string[];
  readonly passwordFaults: readonly string[];
}

/** The variables whose names carry a provider's id. A name that begins with `PROVIDER_` and is none of them is a fault:
 *  a mistyped key would otherwise go unnoticed until the provider answers 401. */
export function readProviderSettings(given: Readonly<Record<string, string | undefined>>): ProviderSettings {
  const byProvider = new Map<string, Map<string, string>>();
  const misnamed: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!name.startsWith('PROVIDER_') || value === undefined) continue;
    const match = variable.exec(name);
    if (match === null) {
      misnamed.push(
        `${name} is not a known setting: name it PROVIDER_<ID>_ and one of ${PROVIDER_SETTING_SUFFIXES.join(', ')}`,
      );
      continue;
    }
    const [, id, suffix] = match as unknown as [string, string, string];
    const values = byProvider.get(id) ?? new Map<string, string>();
    byProvider.set(id, values.set(suffix, value));
  }

  const apis = new Map<string, ProviderApiSettings>();
  const kafkaPasswords = new Map<string, string>();
  const apiFaults = [...misnamed];
  for (const [id, values] of byProvider) {
    const password = values.get('KAFKA_PASSWORD');
    if (password !== undefined) kafkaPasswords.set(id.toLowerCase(), password);
    const address = values.get('API_URL');
    const apiKey = values.get('API_KEY');
    const apiKeyNext = values.get('API_KEY_NEXT');
    if (address === undefined && apiKey === undefined && apiKeyNext === undefined) continue;
    const faults = apiFaultsOf(id, address, apiKey);
    if (address !== undefined && apiKey !== undefined && faults.length === 0) {
      apis.set(id.toLowerCase(), Object.freeze({ url: address, apiKey, apiKeyNext }));
    }
    apiFaults.push(...faults);
  }
  return { apis, kafkaPasswords, apiFaults, passwordFaults: misnamed };
}

function apiFaultsOf(id: string, address: string | undefined, apiKey: string | undefined): readonly string[] {
  const faults: string[] = [];
  const parsed = url('http', 'https').safeParse(address);
  if (!parsed.success) {
    const wrong = parsed.error.issues[0]?.message ?? 'is wrong';
    faults.push(
      `PROVIDER_${id}_API_URL ${wrong}: set it to the address of the provider's GET API, without /v1`,
    );
  }
  if (apiKey === undefined) {
    faults.push(`PROVIDER_${id}_API_KEY is missing: set it to the key that the provider gave us`);
  }
  return faults;
}
