import axios from 'axios';
import { checkRegistry as findRefusals } from '../../avro/check-compatibility.ts';
import { createRegistryClient } from '../../avro/create-registry-client.ts';
import type { Contracts } from '../../avro/load-contracts.ts';
import { subjectOf } from '../../avro/register-schemas.ts';
import { translateRegistryError } from '../../avro/translate-error.ts';
import type { SettingsOf } from '../../config/env.ts';
import type { Topology } from '../../ports.ts';
import { fail, pass, warn, type Check, type Finding } from './finding.ts';
import { judgeSkew } from './judge-skew.ts';

/** The schema registry: reachable, holds a schema for every topic, would take ours, and its clock. */
export function checkRegistry(
  settings: SettingsOf<'registry'>,
  contracts: Contracts,
  topology: Topology,
): Check {
  const {
    schemaRegistryUrl: url,
    schemaRegistryUsername: username,
    schemaRegistryPassword: password,
  } = settings;
  return {
    name: 'registry',
    run: async () => {
      const auth = username === undefined ? undefined : { username, password: password ?? '' };
      const http = axios.create({ baseURL: url, timeout: 5_000, proxy: false, ...(auth && { auth }) });
      const askedMs = Date.now();
      let answer;
      try {
        answer = await http.get<readonly string[]>('/subjects');
      } catch (error) {
        return [unreachable(error, url)];
      }
      const answeredMs = Date.now();
      const registry = createRegistryClient({ url, username, password });
      const refusals = await findRefusals({ contracts, routes: topology.routes.values(), registry });
      const registered = new Set(answer.data);
      const missing = [...topology.routes.keys()]
        .map(subjectOf)
        .filter((subject) => !registered.has(subject));
      const date = Date.parse(String(answer.headers['date'] ?? ''));
      return [
        pass(
          'registry',
          `The schema registry at ${new URL(url).host} answers in ${answeredMs - askedMs} ms.`,
        ),
        ...refusals.map((refusal) =>
          fail(
            'schemas',
            `${refusal[0]!.toUpperCase()}${refusal.slice(1)}.`,
            'bridge schemas check --registry <url>',
          ),
        ),
        ...(missing.length === 0
          ? []
          : [
              warn(
                'schemas',
                `${missing.length} subjects are not registered, first ${missing[0]}.`,
                'bridge schemas register (bridge run does it when it starts)',
              ),
            ]),
        ...(refusals.length + missing.length === 0
          ? [pass('schemas', `All ${topology.routes.size} subjects are registered and take our contracts.`)]
          : []),
        // The header tells whole seconds.
        ...(Number.isNaN(date)
          ? []
          : [judgeSkew('registry-clock', "The registry's clock", date, askedMs, answeredMs, 1_000)]),
      ];
    },
  };
}

function unreachable(error: unknown, url: string): Finding {
  const { code } = translateRegistryError(error, 'asking for its subjects');
  return code === 'REGISTRY_UNAUTHORISED'
    ? fail(
        'registry',
        'The schema registry refuses the credentials.',
        'correct SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD',
      )
    : fail(
        'registry',
        `The schema registry at ${new URL(url).host} does not answer (${code}).`,
        'start it, or correct SCHEMA_REGISTRY_URL',
      );
}
