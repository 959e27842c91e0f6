import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { UsageError } from '../domain/errors.ts';

export interface PortWish {
  /** What it is for, as a person calls it. */
  readonly name: string;
  /** Asked for: this one or none. */
  readonly asked?: number | undefined;
  /** Used last time: this one if it is free. */
  readonly remembered?: number | undefined;
}

/** A free port of 127.0.0.1 for each wish, all different. Throws a UsageError when one that was asked for is taken. */
export async function choosePorts(wishes: readonly PortWish[]): Promise<readonly number[]> {
  // All are held until all are chosen, or the system could hand out the same one twice.
  const held: Server[] = [];
  try {
    for (const wish of wishes) held.push(await holdPort(wish));
    return held.map((server) => (server.address() as AddressInfo).port);
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

async function holdPort({ name, asked, remembered }: PortWish): Promise<Server> {
  try {
    return await listen(asked ?? remembered ?? 0);
  } catch (error) {
    if (asked === undefined) return listen(0);
    const taken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    throw new UsageError(
      `Port ${asked}, asked for ${name}, ${taken ? 'is taken: stop the program that uses it or choose another port' : `can't be used (${(error as Error).message}): choose another port`}.`,
      { cause: error },
    );
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
