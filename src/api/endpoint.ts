import type * as z from 'zod';
import type { ApiKey, Scope } from '../ports.ts';
import type { ProblemName } from './problem.ts';

/** The caller, as its API key says. */
export interface Caller {
  readonly keyId: string;
  /** The named person or system that appears as the author. */
  readonly owner: string;
  readonly scope: Scope;
  /** Providers whose entities it may see; null for all. */
  readonly providers: readonly string[] | null;
}

/** What ties a request to its log lines and to the events it makes. */
export interface Trail {
  readonly correlationId: string;
  readonly traceparent: string;
}

/** A request whose every part has passed its schema. */
export interface Inquiry<P, Q, H, B> {
  readonly params: P;
  readonly query: Q;
  readonly headers: H;
  readonly body: B;
  readonly caller: Caller;
  readonly trail: Trail;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless `contentType` says otherwise; then a text. Null for an answer without a body. */
  readonly body: unknown;
  readonly contentType?: string;
}

export interface ResponseDoc {
  readonly description: string;
  readonly schema: z.ZodType | null;
  readonly contentType?: string;
  readonly headers?: z.ZodObject;
  readonly example?: unknown;
}

interface Described {
  readonly method: 'get' | 'post' | 'patch';
  /** As in OpenAPI: `/v1/constats/{id}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
  /** Problems beyond those that every endpoint of its sort can answer with. */
  readonly problems: readonly ProblemName[];
}

/** Needs no key and takes no input; so it must show nothing personal. */
export interface OpenEndpoint extends Described {
  readonly access: 'open';
  readonly handle: () => Promise<Answer>;
}

/** Needs a key of one of these scopes. The schemas validate the request *and* describe it in the OpenAPI document, so
 *  the two cannot differ. Objects in `query` and `body` are strict: unknown fields are refused. */
export interface GuardedEndpoint<
  P extends z.ZodObject = z.ZodObject,
  Q extends z.ZodObject = z.ZodObject,
  H extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
> extends Described {
  readonly access: readonly Scope[];
  /** Answers without the database too: a key that was valid here the last time then lets in, so nothing personal may be
   *  shown. */
  readonly withoutDatabase?: true;
  readonly params: P;
  readonly query: Q;
  /** Keys are header names; only these are looked at. */
  readonly headers: H;
  readonly body: {
    readonly schema: B;
    readonly mediaTypes: readonly string[];
    readonly example: unknown;
  } | null;
  readonly handle: (inquiry: Inquiry<z.output<P>, z.output<Q>, z.output<H>, z.output<B>>) => Promise<Answer>;
}

export type Endpoint = OpenEndpoint | GuardedEndpoint;

/** Keeps the types of the schemas for the handler's argument, then forgets them, so that endpoints fit one list. */
export function guarded<
  P extends z.ZodObject,
  Q extends z.ZodObject,
  H extends z.ZodObject,
  B extends z.ZodType,
>(endpoint: GuardedEndpoint<P, Q, H, B>): Endpoint {
  return endpoint;
}

/** The caller behind a live key. A `provider` key without its provider sees nothing rather than everything. */
export function callerOf(key: ApiKey): Caller {
  const providers = key.scope === 'provider' ? (key.provider === null ? [] : [key.provider]) : null;
  return { keyId: key.id, owner: key.owner, scope: key.scope, providers };
}

/** True when the caller may see what belongs to `provider`. */
export function maySee(caller: Caller, provider: string): boolean {
  return caller.providers === null || caller.providers.includes(provider);
}
