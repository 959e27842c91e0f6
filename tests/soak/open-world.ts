import path from 'node:path';
import type { AxiosInstance } from 'axios';
import { startChild, untilReady, type Child } from '../../src/embedded/start-child.ts';
import { mendRequestQueue } from '../../src/kafka/mend-request-queue.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { freePort } from '../support/free-port.ts';
import { startTestServices } from '../support/start-test-services.ts';
import { runInsurers } from './open-insurers.ts';
import { prepareWorld, type PreparedWorld } from './prepare-world.ts';

export interface World extends Omit<PreparedWorld, 'staffMember'> {
  /** Clients of the APIs of both bridges, with a key of this person. */
  staffMember(name: string): Promise<readonly AxiosInstance[]>;
  /** Rejects with a sentence when a bridge or an insurer ended that nobody stopped. */
  readonly failed: Promise<never>;
}

const root = path.resolve(import.meta.dirname, '../..');
const BRIDGES = 2;

/** Two bridges, each a process of its own on one database and in one group, and two simulated insurers in this process, on
 *  real services: those of the environment, else embedded ones. Everything that was started is on the stack. */
export async function openWorld(seed: number, cleanup: CleanupStack, signal: AbortSignal): Promise<World> {
  mendRequestQueue();
  const services = await startTestServices(process.env);
  cleanup.defer('the services', services.stop);
  signal.throwIfAborted();
  const prepared = await prepareWorld({ seed, services, insurersDatabaseUrl: services.databaseUrl }, cleanup);

  const children: Child[] = [];
  const urls: string[] = [];
  for (let i = 1; i <= BRIDGES; i++) {
    const port = await freePort();
    const child = await startBridge(`bridge-${i}`, port, prepared, signal);
    cleanup.defer(child.name, child.stop);
    urls.push(`http://127.0.0.1:${port}`);
    await untilReady(child, () => answers(`${urls.at(-1)}/health/ready`));
    children.push(child);
  }
  const { ended } = await runInsurers(prepared.insurers, cleanup);
  const failed = Promise.race([
    ended,
    ...children.map(async (child): Promise<never> => {
      throw new Error(`${child.name} ended (${await child.exited}); its log was ${child.logFile}`);
    }),
  ]);
  // At the end everything is stopped, and nobody waits for this any more.
  failed.catch(() => {});
  return { ...prepared, staffMember: (name) => prepared.staffMember(name, urls), failed };
}

/** One `bridge run` of the world, logging into its folder; it may not be listening yet. */
export async function startBridge(
  name: string,
  port: number,
  { env, folder }: Pick<PreparedWorld, 'env' | 'folder'>,
  signal: AbortSignal,
): Promise<Child> {
  return startChild({
    name,
    // By its own first line, which has the flags of production.
    command: path.join(root, 'src/main.ts'),
    args: ['run'],
    env: {
      PATH: [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter),
      KAFKAJS_NO_PARTITIONER_WARNING: '1',
      ...env,
      HTTP_PORT: String(port),
    },
    dir: folder,
    file: name,
    signal,
  });
}

export async function answers(url: string): Promise<boolean> {
  return (await fetch(url).catch(() => null))?.ok ?? false;
}
