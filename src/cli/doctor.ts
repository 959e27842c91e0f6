import { Command } from 'commander';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings, type SettingGroup, type SettingsOf } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { UsageError } from '../domain/errors.ts';
import { checkDatabase } from './doctor/check-database.ts';
import { checkHost } from './doctor/check-host.ts';
import { checkKafka } from './doctor/check-kafka.ts';
import { checkProviderApis } from './doctor/check-provider-apis.ts';
import { checkRegistry } from './doctor/check-registry.ts';
import { checkProviderSettings, checkSettings } from './doctor/check-settings.ts';
import { fail, pass, runChecks, type Check, type Finding } from './doctor/finding.ts';

/** `bridge doctor`: everything that the bridge needs, looked at from where it would run. Changes nothing; exit code 2 when
 *  anything fails. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description(
      'check every dependency, credential, right, schema, topic, migration and clock; changes nothing',
    )
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const findings = await examine(process.env);
      console.log(json ? JSON.stringify(findings, null, 2) : describeFindings(findings));
      if (findings.some(({ status }) => status === 'fail')) process.exitCode = 2;
    });
}

async function examine(env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const given = <Group extends SettingGroup>(group: Group) => settingsOf(env, group);
  const checks: Check[] = [...checkHost(), checkSettings(env)];
  const database = given('database');
  if (database !== null) checks.push(checkDatabase(database));

  const topics: Finding[] = [];
  const known = await loadKnown(env, topics);
  if (known !== null) {
    const { contracts, topology } = known;
    const [kafka, registry, providers] = [given('kafka'), given('registry'), given('providers')];
    checks.push(checkProviderSettings(env, topology));
    if (kafka !== null) checks.push(checkKafka(kafka, topology));
    if (registry !== null) checks.push(checkRegistry(registry, contracts, topology));
    if (providers !== null) checks.push(...checkProviderApis(providers, topology));
  }
  return [...topics, ...(await runChecks(checks))];
}

/** topics.yaml and the contracts: without them there is nothing to compare Kafka and the registry with. */
async function loadKnown(env: NodeJS.ProcessEnv, findings: Finding[]) {
  try {
    const settings = parseSettings(env, []);
    const contracts = loadContracts(settings.schemasDirs);
    const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
    const { providers, routes } = topology;
    findings.push(
      pass('topics.yaml', `${providers.size} providers and ${routes.size} topics, each with its contract.`),
    );
    return { contracts, topology };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    findings.push(fail('topics.yaml', error.message, 'correct the file that it names'));
    return null;
  }
}

/** Null when they are faulty: the check of the settings says how. */
function settingsOf<Group extends SettingGroup>(
  env: NodeJS.ProcessEnv,
  group: Group,
): SettingsOf<Group> | null {
  try {
    return parseSettings(env, [group]);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

const MARKS = { pass: '✓', warn: '!', fail: '✗' } as const;

function describeFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, status, sentence, fix }) => [
    `${MARKS[status]} ${name.padEnd(width)}  ${sentence}`,
    ...(fix === null ? [] : [`  ${' '.repeat(width)}  → ${fix}`]),
  ]);
  const count = (wanted: Finding['status']) => findings.filter(({ status }) => status === wanted).length;
  return [
    ...lines,
    '',
    `${count('pass')} passed, ${count('warn')} to look at, ${count('fail')} failed.`,
  ].join('\n');
}
