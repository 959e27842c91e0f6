import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';

/** Agents that keep connections alive and give up on one that isn't there (for https: not through its handshake) after
 *  `connectTimeoutMs`: Node itself would wait for the operating system, two minutes or more. */
export function createAgents(connectTimeoutMs: number): {
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
} {
  return {
    httpAgent: limitConnect(new http.Agent({ keepAlive: true }), 'connect', connectTimeoutMs),
    httpsAgent: limitConnect(new https.Agent({ keepAlive: true }), 'secureConnect', connectTimeoutMs),
  };
}

function limitConnect<Agent extends http.Agent>(
  agent: Agent,
  connected: 'connect' | 'secureConnect',
  timeoutMs: number,
): Agent {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, onCreate) => {
    const socket = connect(options, onCreate) as Socket;
    const giveUp = () =>
      socket.destroy(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    const timer = setTimeout(giveUp, timeoutMs);
    const done = () => clearTimeout(timer);
    socket.once(connected, done).once('close', done);
    return socket;
  };
  return agent;
}
