import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a service, and fails as networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Cuts all connections and refuses new ones. */
  refuse(): Promise<void>;
  /** Everything stays connected, and nothing gets through any more, nor of what connects from now on. */
  stall(): void;
  /** The connections of this moment stay silent for good, as if a firewall had forgotten them; new ones work. */
  forget(): void;
  /** Lets everything through, what was held back first. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let stalled = false;
  let forgotten: ReadonlySet<unknown> = new Set();
  const server = createServer((client) => {
    const upstream = connect(target);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    if (!stalled) join(pair);
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const refuse = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    refuse,
    stall() {
      stalled = true;
      pairs.forEach(part);
    },
    forget() {
      pairs.forEach(part);
      forgotten = new Set(pairs);
    },
    async restore() {
      stalled = false;
      pairs.forEach((pair) => forgotten.has(pair) || join(pair));
      if (!server.listening) await listen(port);
    },
    close: refuse,
  };
}

function join([client, upstream]: readonly [Socket, Socket]): void {
  client.pipe(upstream).pipe(client);
}

function part([client, upstream]: readonly [Socket, Socket]): void {
  client.unpipe(upstream).pause();
  upstream.unpipe(client).pause();
}
