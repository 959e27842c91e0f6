import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../domain/errors.ts';

/** What is made once per state folder and stays the same. */
export interface Secrets {
  readonly postgresPassword: string;
  readonly kafkaAdminPassword: string;
  readonly bridgeKafkaPassword: string;
  /** Provider id → password of its Kafka user. */
  readonly providerKafkaPasswords: Readonly<Record<string, string>>;
  /** Hex. */
  readonly eventSigningKey: string;
}
export interface Ports {
  readonly postgres: number;
  readonly kafka: number;
  readonly kafkaController: number;
  readonly registry: number;
}

const marker = 'state-of-eassurance-bridge';
/** Lie in the folder but belong to no state: the jars and the tests' Python and tools may be shared, and the lock is held by whoever
 *  asks. */
const kept: readonly string[] = ['jars', 'python', 'tools', 'lock', marker];

/** Makes the folder when it is absent. A folder that is neither ours nor empty is refused: nothing of it is touched. */
export function openStateDir(stateDir: string): void {
  if (existsSync(path.join(stateDir, marker))) return;
  const strangers = existsSync(stateDir) ? readdirSync(stateDir).filter((name) => !kept.includes(name)) : [];
  if (strangers.length > 0) {
    throw new UsageError(
      `${stateDir} holds other files (${strangers.slice(0, 3).join(', ')}): name an empty folder for the state.`,
    );
  }
  mkdirSync(stateDir, { recursive: true });
  writeFileSync(
    path.join(stateDir, marker),
    'Data of the embedded services; safe to remove while none runs.\n',
  );
}

/** Empties an opened state folder; jars stay. */
export function emptyStateDir(stateDir: string): void {
  for (const name of readdirSync(stateDir)) {
    if (!kept.includes(name) && !name.startsWith('lock.')) {
      rmSync(path.join(stateDir, name), { recursive: true, force: true });
    }
  }
}

/** The secrets of this state, each made at random when first needed. The file is readable by its owner alone. */
export function loadSecrets(stateDir: string, providerIds: readonly string[]): Secrets {
  const file = path.join(stateDir, 'secrets.json');
  const known = readJson<Partial<Secrets>>(file) ?? {};
  const secrets: Secrets = {
    postgresPassword: known.postgresPassword ?? newPassword(),
    kafkaAdminPassword: known.kafkaAdminPassword ?? newPassword(),
    bridgeKafkaPassword: known.bridgeKafkaPassword ?? newPassword(),
    providerKafkaPasswords: {
      ...Object.fromEntries(providerIds.map((id) => [id, newPassword()])),
      ...known.providerKafkaPasswords,
    },
    eventSigningKey: known.eventSigningKey ?? randomBytes(32).toString('hex'),
  };
  writeJson(file, secrets);
  return secrets;
}

export function recallPorts(stateDir: string): Partial<Ports> {
  return readJson<Partial<Ports>>(path.join(stateDir, 'ports.json')) ?? {};
}

export function rememberPorts(stateDir: string, ports: Ports): void {
  writeJson(path.join(stateDir, 'ports.json'), ports);
}

/** Hex: it needs no quoting in a shell, a URL or a Java properties file. */
function newPassword(): string {
  return randomBytes(16).toString('hex');
}

function readJson<T>(file: string): T | undefined {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : undefined;
}

function writeJson(file: string, value: unknown): void {
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, file);
}
