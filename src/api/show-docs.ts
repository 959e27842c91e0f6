import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import express, { type Router } from 'express';
import * as z from 'zod';
import type { Endpoint } from './endpoint.ts';

/** The readable page at `/docs`: Swagger UI from our own disk. Nothing on it comes from or goes to another host, and no
 *  script stands in the page itself, so the strict content security policy holds for it too. */
export const docsEndpoint: Endpoint = {
  method: 'get',
  path: '/docs',
  operationId: 'read-docs',
  tag: 'operation',
  access: 'open',
  summary: 'This API as a page to read and try',
  responses: { 200: { description: 'A page', schema: z.string(), contentType: 'text/html; charset=utf-8' } },
  problems: [],
  handle: async () => ({ status: 200, contentType: 'text/html; charset=utf-8', body: PAGE }),
};

/** The page's files; to be mounted at `/docs`. */
export function docsAssets(): Router {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  const router = express.Router();
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']) {
    router.get(`/assets/${file}`, (_request, response) => {
      response.sendFile(join(folder, file), { maxAge: '1 day' });
    });
  }
  router.get('/assets/start.js', (_request, response) => {
    response.type('text/javascript').send(START);
  });
  return router;
}

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>E-assurance bridge: API</title>
    <link rel="icon" type="image/png" href="/docs/assets/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  </head>
  <body>
    <div id="api"></div>
    <noscript>This page needs JavaScript. The same content, for machines: <a href="/openapi.json">/openapi.json</a></noscript>
    <script src="/docs/assets/swagger-ui-bundle.js"></script>
    <script src="/docs/assets/start.js"></script>
  </body>
</html>
`;

// Without `validatorUrl: null` the page would send the document's address to a public validator.
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;
