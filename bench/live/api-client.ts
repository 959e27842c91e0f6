import { Agent, request } from 'node:http';
import type { LiveBridge } from './open-bridge.ts';

export interface ApiAnswer {
  readonly id: string;
  /** The revision, as a tag for `If-Match`. */
  readonly etag: string;
}

export interface ApiClient {
  /** Rejects with the problem when the answer is no success. */
  send(
    method: 'POST' | 'PATCH',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: unknown,
  ): Promise<ApiAnswer>;
  close: () => void;
}

/** Of the bridge's HTTP API, as staff, over connections that stay open. */
export function createApiClient({ url, staffKey }: LiveBridge, connections: number): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    async send(method, path, headers, body) {
      const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
      const text = JSON.stringify(body);
      const sending = request(
        `${url}${path}`,
        {
          ...{ agent, method },
          headers: {
            'X-API-Key': staffKey,
            'Content-Type': 'application/json',
            'Content-Length': Buffer.byteLength(text),
            ...headers,
          },
        },
        (response) => {
          let said = '';
          response.setEncoding('utf8').on('data', (more: string) => (said += more));
          response.on('error', reject).on('end', () => {
            const { statusCode = 0, headers: answered } = response;
            if (statusCode >= 300) reject(new Error(`${method} ${path} was answered ${statusCode}: ${said}`));
            else resolve({ id: (JSON.parse(said) as { id: string }).id, etag: answered.etag! });
          });
        },
      );
      sending.on('error', reject).end(text);
      return promise;
    },
    close: () => agent.destroy(),
  };
}
