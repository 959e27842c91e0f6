import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../../src/embedded/start-child.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { freePort } from '../support/free-port.ts';
import { programOf, residentBytes } from '../support/inspect-process.ts';
import { answers, startBridge } from '../soak/open-world.ts';
import type { PreparedWorld } from '../soak/prepare-world.ts';

export interface Replica {
  readonly name: string;
  readonly url: string;
  /** The process that runs now; another one after each death. */
  current(): Child;
  /** How it died when nobody of us killed it. */
  readonly deaths: string[];
  kill(): void;
  /** Freezes it for that long. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

export interface MemorySample {
  readonly replica: string;
  /** Since its process started, seconds. */
  readonly age: number;
  readonly bytes: number;
}

const RESTART_AFTER_MS = 500;
const SAMPLE_EVERY_MS = 2_000;

/** `count` bridges, each started again half a second after it died, as an orchestrator would. */
export async function keepReplicas(
  count: number,
  world: PreparedWorld,
  cleanup: CleanupStack,
  signal: AbortSignal,
): Promise<{ readonly replicas: readonly Replica[]; readonly memory: readonly MemorySample[] }> {
  const memory: MemorySample[] = [];
  const replicas: Replica[] = [];
  for (let i = 1; i <= count; i++) {
    const replica = await keepReplica(`bridge-${i}`, world, memory, cleanup, signal);
    replicas.push(replica);
    while (!(await answers(`${replica.url}/health/ready`))) await delay(100, undefined, { signal });
  }
  return { replicas, memory };
}

async function keepReplica(
  name: string,
  world: PreparedWorld,
  memory: MemorySample[],
  cleanup: CleanupStack,
  signal: AbortSignal,
): Promise<Replica> {
  const port = await freePort();
  const stopping = new AbortController();
  let generation = 1;
  let killed = false;
  const start = () => startBridge(`${name}.${generation++}`, port, world, signal);
  let child = await start();
  const deaths: string[] = [];
  const kept = (async () => {
    for (;;) {
      const stopSampling = sampleMemory(child, name, memory);
      const how = await child.exited;
      stopSampling();
      if (stopping.signal.aborted) return;
      if (!killed) deaths.push(`${child.name}: ${how}`);
      killed = false;
      await delay(RESTART_AFTER_MS, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return;
      child = await start();
    }
  })();
  // Asked to stop while it was dead: it stays dead.
  kept.catch(() => stopping.abort());
  cleanup.defer(name, async () => {
    stopping.abort();
    child.signal('SIGCONT');
    await child.stop();
    await kept.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  });
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    current: () => child,
    deaths,
    kill() {
      killed = true;
      child.signal('SIGKILL');
    },
    async pause(ms, until) {
      const frozen = child;
      frozen.signal('SIGSTOP');
      await delay(ms, undefined, { signal: until }).catch(() => {});
      frozen.signal('SIGCONT');
    },
  };
}

function sampleMemory(child: Child, replica: string, memory: MemorySample[]): () => void {
  const startedAt = Date.now();
  const timer = setInterval(() => {
    void programOf(child.pid)
      .then(residentBytes)
      .then((bytes) => memory.push({ replica, age: (Date.now() - startedAt) / 1000, bytes }))
      // It has died since.
      .catch(() => {});
  }, SAMPLE_EVERY_MS);
  return () => clearInterval(timer);
}
