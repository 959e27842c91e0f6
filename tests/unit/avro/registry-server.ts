import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A real HTTP server that speaks the registry routes the bridge uses, in memory. */
export interface RegistryServer {
  readonly url: string;
  /** Every request so far, as `GET /schemas/ids/1`. */
  readonly requests: string[];
  readonly levels: Map<string, string>;
  /** Puts a schema there as somebody else's registration would; returns its id. */
  add(definition: string): number;
  /** The next answers are this, whatever is asked; undefined ends it. */
  answerWith(answer: { readonly status: number; readonly body: string } | undefined): void;
  /** Why a subject is refused. */
  refuse(subject: string, reason: string): void;
  close(): Promise<void>;
}

export async function startRegistryServer(credentials?: string): Promise<RegistryServer> {
  const ids = new Map<string, number>();
  const levels = new Map<string, string>();
  const subjects = new Map<string, string[]>();
  const refusals = new Map<string, string>();
  const requests: string[] = [];
  let forced: { readonly status: number; readonly body: string } | undefined;

  const add = (definition: string): number => {
    if (!ids.has(definition)) ids.set(definition, ids.size + 1);
    return ids.get(definition)!;
  };

  const answer = async (request: IncomingMessage): Promise<readonly [number, unknown]> => {
    const [path] = request.url!.split('?');
    requests.push(`${request.method} ${path}`);
    if (
      credentials &&
      request.headers.authorization !== `Basic ${Buffer.from(credentials).toString('base64')}`
    )
      return [401, { error_code: 401, message: 'unauthorized' }];
    const body = await readJson(request);
    const [, resource, ...rest] = path!.split('/').map(decodeURIComponent);
    if (resource === 'schemas') {
      const found = [...ids].find(([, id]) => id === Number(rest[1]));
      return found ? [200, { schema: found[0] }] : [404, { error_code: 40403, message: 'Schema not found' }];
    }
    if (resource === 'config' && request.method === 'PUT') {
      levels.set(rest[0]!, body['compatibility'] as string);
      return [200, body];
    }
    if (resource === 'config') {
      const level = levels.get(rest[0]!);
      return level
        ? [200, { compatibilityLevel: level }]
        : [404, { error_code: 40408, message: 'no config' }];
    }
    const subject = resource === 'compatibility' ? rest[1]! : rest[0]!;
    const reason = refusals.get(subject);
    if (resource === 'compatibility') {
      if (!subjects.has(subject)) return [404, { error_code: 40401, message: 'Subject not found' }];
      return [200, { is_compatible: reason === undefined, messages: reason ? [reason] : [] }];
    }
    const versions = subjects.get(subject) ?? [];
    if (request.method === 'GET')
      return versions.length > 0
        ? [200, versions.map((_, index) => index + 1)]
        : [404, { error_code: 40401, message: 'Subject not found' }];
    const definition = body['schema'] as string;
    if (rest[1] === undefined)
      return versions.includes(definition)
        ? [200, { id: add(definition) }]
        : [404, { error_code: 40403, message: 'Schema not found' }];
    if (reason !== undefined) return [409, { error_code: 409, message: reason }];
    if (!versions.includes(definition)) subjects.set(subject, [...versions, definition]);
    return [200, { id: add(body['schema'] as string) }];
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(forced?.status ?? status, { 'content-type': 'application/json' });
      response.end(forced?.body ?? JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    levels,
    add,
    answerWith: (given) => void (forced = given),
    refuse: (subject, reason) => void refusals.set(subject, reason),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}
