import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

/** A way to one broker on which things go wrong as networks and brokers have them go wrong: below the client, so that it
 *  can't know. */
export interface KafkaProxy {
  /** Leads a kafkajs client through here, whatever address a broker advertises. */
  readonly socketFactory: ISocketFactory;
  /** From now on the connections that stand carry nothing more, in either direction, and stay open. With `newOnes` those
   *  that are made later do not either. */
  hang(newOnes?: 'and new ones'): void;
  /** New connections are served again; those that hang stay so. */
  serve(): void;
  /** From now on heartbeats are answered with this error code: on the connections that stand, and `until` somebody asks
   *  for the coordinator if so told. Resolves when the first was. */
  failHeartbeats(errorCode: number, until?: 'the coordinator is looked up'): Promise<void>;
  close(): Promise<void>;
}

const FIND_COORDINATOR = 10;
const HEARTBEAT = 12;

interface Link {
  readonly client: Socket;
  readonly broker: Socket;
  hung: boolean;
  heartbeatError: number | null;
}

export async function startKafkaProxy(address: string): Promise<KafkaProxy> {
  const [host, port] = address.split(':');
  const links = new Set<Link>();
  let hangsNew = false;
  let endsWithLookup = false;
  let onFailed = () => {};
  const server = createServer((client) => {
    const broker = connect({ host: host!, port: Number(port) });
    const link: Link = { client, broker, hung: hangsNew, heartbeatError: null };
    links.add(link);
    const heartbeats = new Set<number>();
    forward(link, client, broker, (frame) => {
      const api = frame.readInt16BE(4);
      if (api === HEARTBEAT) heartbeats.add(frame.readInt32BE(8));
      if (api === FIND_COORDINATOR && endsWithLookup) for (const each of links) each.heartbeatError = null;
    });
    forward(link, broker, client, (frame) => {
      // Length, correlation id, throttle time, error code.
      if (!heartbeats.delete(frame.readInt32BE(4)) || link.heartbeatError === null) return;
      frame.writeInt16BE(link.heartbeatError, 12);
      onFailed();
    });
    const end = () => {
      links.delete(link);
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) socket.on('error', end).on('close', end);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = (server.address() as AddressInfo).port;

  return {
    socketFactory: ({ onConnect }) => connect({ host: '127.0.0.1', port: here }, onConnect),
    hang(newOnes) {
      hangsNew = newOnes !== undefined;
      for (const link of links) link.hung = true;
    },
    serve() {
      hangsNew = false;
    },
    failHeartbeats(errorCode, until) {
      endsWithLookup = until !== undefined;
      for (const link of links) link.heartbeatError = errorCode;
      return new Promise((resolve) => (onFailed = resolve));
    },
    async close() {
      for (const { client, broker } of links) {
        client.destroy();
        broker.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Frame by frame; `onFrame` may change one before it goes on. */
function forward(link: Link, from: Socket, to: Socket, onFrame: (frame: Buffer) => void): void {
  let buffered: Buffer = Buffer.alloc(0);
  from.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
      const end = 4 + buffered.readInt32BE(0);
      const frame = buffered.subarray(0, end);
      buffered = buffered.subarray(end);
      if (link.hung) continue;
      onFrame(frame);
      to.write(frame);
    }
  });
}
