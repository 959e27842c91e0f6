import { parseSettings, type SettingGroup } from '../../config/env.ts';
import { UsageError } from '../../domain/errors.ts';
import type { Topology } from '../../ports.ts';
import { fail, pass, warn, type Check, type Finding } from './finding.ts';

const GROUPS = ['database', 'kafka', 'registry', 'http', 'signing', 'providers', 'tracing'] as const;

/** Every setting that `bridge run` needs; those of one group say nothing against the others. */
export function checkSettings(env: NodeJS.ProcessEnv): Check {
  return {
    name: 'settings',
    run: async () => {
      const findings = GROUPS.flatMap((group) => faultsOf(env, group));
      return findings.length > 0
        ? findings
        : [pass('settings', 'Every setting is there; the signing key has at least 32 bytes.')];
    },
  };
}

function faultsOf(env: NodeJS.ProcessEnv, group: SettingGroup): Finding[] {
  try {
    parseSettings(env, [group]);
    return [];
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    // `NAME what is wrong: remedy`, a line each.
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => {
        const [wrong, ...remedy] = line.trim().split(': ');
        return fail('settings', `${wrong}.`, remedy.join(': '));
      });
  }
}

/** Settings of insurers that topics.yaml doesn't have would be ignored, and insurers without an API are not pulled. */
export function checkProviderSettings(env: NodeJS.ProcessEnv, topology: Topology): Check {
  return {
    name: 'providers',
    run: async () => {
      const named = new Set(
        Object.keys(env).flatMap(
          (name) => /^PROVIDER_([A-Z][A-Z0-9]*)_/.exec(name)?.[1]?.toLowerCase() ?? [],
        ),
      );
      const strangers = [...named].filter((id) => !topology.providers.has(id));
      const unpulled = [...topology.providers.keys()].filter(
        (id) => !env[`PROVIDER_${id.toUpperCase()}_API_URL`],
      );
      return [
        ...strangers.map((id) =>
          warn(
            'providers',
            `PROVIDER_${id.toUpperCase()}_… is set, but topics.yaml has no provider ${id}: it is ignored.`,
            `correct the name, or add ${id} to topics.yaml`,
          ),
        ),
        ...unpulled.map((id) =>
          warn(
            'providers',
            `${id} has no GET API here, so it is never pulled: what its events can't carry is missed.`,
            `set PROVIDER_${id.toUpperCase()}_API_URL and PROVIDER_${id.toUpperCase()}_API_KEY`,
          ),
        ),
        ...(strangers.length + unpulled.length === 0
          ? [pass('providers', `${topology.providers.size} in topics.yaml, each with its GET API.`)]
          : []),
      ];
    },
  };
}
