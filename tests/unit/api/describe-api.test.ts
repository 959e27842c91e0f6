import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { constatPatchExample, newConstatExample } from '../../../src/api/constat-examples.ts';
import { constatFields, newConstat } from '../../../src/api/constat-schema.ts';
import { mergePatchOf } from '../../../src/api/merge-patch-schema.ts';
import { setup } from './setup.ts';

interface Operation {
  operationId: string;
  responses: Record<string, { content?: Record<string, unknown> }>;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, unknown> }> };
}

async function documentOf(bundle = setup()): Promise<Document> {
  return (await bundle.api.get('/openapi.json')).body as unknown as Document;
}

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = await documentOf();
    const result = await new Validator().validate(structuredClone(document) as never);
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
  });

  it('has every route of the app, and the app every route of it', async () => {
    const bundle = setup();
    const described = Object.entries((await documentOf(bundle)).paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(routesOf(bundle.app).sort()).toEqual(described.sort());
    expect(described.length).toBeGreaterThan(20);
  });

  it('names every operation once', async () => {
    const ids = Object.values((await documentOf()).paths).flatMap((path) =>
      Object.values(path).map((one) => one.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('describes the problems, the key and the headers of an edit', async () => {
    const patch = (await documentOf()).paths['/v1/constats/{id}']!['patch']!;
    expect(Object.keys(patch.responses).sort()).toEqual(
      [
        '200',
        '400',
        '401',
        '403',
        '404',
        '409',
        '412',
        '413',
        '415',
        '422',
        '428',
        '429',
        '500',
        '503',
      ].sort(),
    );
    expect(patch.responses['409']?.content).toHaveProperty(['application/problem+json']);
    expect(Object.keys(patch.requestBody!.content)).toEqual([
      'application/merge-patch+json',
      'application/json',
    ]);
    const names = patch.parameters!.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(names).toEqual(['path id', 'header If-Match', 'header Base-Revision', 'header Change-Reason']);
  });

  it('describes the body by the very fields that are validated', async () => {
    const { components } = await documentOf();
    expect(Object.keys(components.schemas['NewConstat']!.properties!)).toEqual(Object.keys(newConstat.shape));
    expect(Object.keys(components.schemas['ConstatPatch']!.properties!)).toEqual(
      Object.keys(constatFields.shape),
    );
  });

  it('shows examples that its own schemas accept', () => {
    expect(newConstat.safeParse(newConstatExample).error).toBeUndefined();
    expect(mergePatchOf(constatFields).safeParse(constatPatchExample).error).toBeUndefined();
  });
});

describe('the readable page', () => {
  it('takes everything from this host', async () => {
    const { api } = setup();
    const page = await api.get('/docs');
    expect(page.status).toBe(200);
    const start = await api.get('/docs/assets/start.js');
    for (const text of [page.text, start.text]) expect(text).not.toMatch(/(https?:)?\/\/[a-z]/i);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    expect(links).toHaveLength(5);
    for (const link of links) expect((await api.get(link)).status, link).toBe(200);
  });

  it('has no script in the page itself, which its own security policy would refuse', async () => {
    const { api } = setup();
    expect((await api.get('/docs')).text).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=/i);
  });

  it('serves no other file of the package', async () => {
    const { api } = setup();
    for (const path of ['index.html', '../package.json', 'swagger-ui.js', '%2e%2e/package.json']) {
      expect((await api.get(`/docs/assets/${path}`)).status, path).toBe(404);
    }
  });
});

/** `get /v1/constats/{id}` … as Express has them. */
function routesOf(app: ReturnType<typeof setup>['app']): string[] {
  const layers = (
    app.router as unknown as { stack: { route?: { path: string; methods: Record<string, boolean> } }[] }
  ).stack;
  return layers.flatMap(({ route }) =>
    Object.keys(route?.methods ?? {})
      .filter((method) => method !== '_all')
      .map((method) => `${method} ${route!.path.replaceAll(/:(\w+)/g, '{$1}')}`),
  );
}
