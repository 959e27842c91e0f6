import type { Express } from 'express';
import request from 'supertest';

/** What the tests look at in a body; which of it is there depends on the answer. */
export interface ReplyBody {
  // entities
  id: string;
  kind: string;
  provider: string;
  revision: string;
  updatedAt: string;
  state: { accident: { place: string }; parties: Record<string, unknown>[]; providerReference: string };
  entity: { id: string } | null;
  outcome: string;
  // lists and histories
  data: (ReplyBody & {
    changes: { atom: string }[] | null;
    changedFields: string[] | null;
    published: unknown;
  })[];
  page: { hasMore: boolean; nextCursor: string | null };
  // conflicts
  atom: string;
  conflict: Record<string, unknown>;
  // problems
  type: string;
  correlationId: string;
  violations: { in: string; pointer: string; code: string; message: string }[];
  clashes: { atom: string; base: unknown; theirs: unknown; yours: unknown }[];
  current: ReplyBody;
  // health
  status: string;
  checks: { name: string; status: string }[];
}

export interface Reply {
  status: number;
  text: string;
  headers: Record<string, string>;
  body: ReplyBody;
}

export interface TypedTest extends Promise<Reply> {
  set(name: string, value: string): TypedTest;
  set(headers: Record<string, string>): TypedTest;
  send(body: string | object): TypedTest;
}

type TypedAgent = Record<'get' | 'head' | 'post' | 'patch' | 'delete', (path: string) => TypedTest>;

/** supertest, with bodies that are not `any`. */
export function typedRequest(app: Express): TypedAgent {
  return request(app);
}
