import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** A span as OTLP/JSON writes it, its attributes as an object. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent or empty for the first of its trace. */
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
  /** Of the process that made it. */
  readonly resource: Readonly<Record<string, string>>;
}

export interface OtlpCollector {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Bodies as they came. */
  readonly bodies: readonly object[];
  readonly requests: () => number;
  /** The headers of the last request. */
  readonly headers: () => http.IncomingHttpHeaders;
  /** How it answers: takes what comes, refuses it, or never says anything. */
  behave(how: 'accept' | 'refuse' | 'hang'): void;
  close(): Promise<void>;
}

/** A collector that hears OTLP over HTTP in JSON on a free port. */
export async function startOtlpCollector(): Promise<OtlpCollector> {
  const spans: ReceivedSpan[] = [];
  const bodies: object[] = [];
  let behaviour = 'accept';
  let requests = 0;
  let headers: http.IncomingHttpHeaders = {};
  const server = http.createServer((request, response) => void answer(request, response));
  const answer = async (request: http.IncomingMessage, response: http.ServerResponse) => {
    requests += 1;
    headers = request.headers;
    const body = (await json(request)) as ExportRequest;
    if (behaviour === 'hang') return;
    if (behaviour === 'refuse' || request.url !== '/v1/traces') return void response.writeHead(400).end();
    bodies.push(body);
    spans.push(...spansOf(body));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    requests: () => requests,
    headers: () => headers,
    behave(how) {
      behaviour = how;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

type Attributes = readonly { key: string; value: Record<string, unknown> }[];
type Span = Omit<ReceivedSpan, 'attributes' | 'links' | 'resource'> & {
  attributes: Attributes;
  links?: ReceivedSpan['links'];
};
interface ExportRequest {
  resourceSpans: { resource: { attributes: Attributes }; scopeSpans: { spans: Span[] }[] }[];
}

function spansOf({ resourceSpans }: ExportRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: toObject(span.attributes),
        links: span.links ?? [],
        resource: toObject(resource.attributes),
      })),
    ),
  );
}

function toObject(attributes: Attributes): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
