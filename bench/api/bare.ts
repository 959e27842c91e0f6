/** Express alone, a process of its own: takes the same requests, reads their bodies and answers as many bytes as the bridge
 *  does, with nothing behind it. Prints its address on a line. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';

const ETAG = '"eassurance:1"';
let document: Readonly<Record<string, unknown>> = {};

const app = express();
app.disable('etag');
app.post('/v1/constats', express.json(), (request, response) => {
  const { providerId, ...state } = request.body as { providerId: string };
  const at = new Date().toISOString();
  document = {
    kind: 'constat',
    provider: providerId,
    revision: 'eassurance:1',
    updatedAt: at,
    violations: [],
    state,
  };
  response
    .status(201)
    .set('ETag', ETAG)
    .json({ id: randomUUID(), ...document });
});
app
  .route('/v1/constats/:id')
  .get((request, response) => {
    response.set('ETag', ETAG).json({ id: request.params.id, ...document });
  })
  .patch(express.json(), (request, response) => {
    response.set('ETag', ETAG).json({ id: request.params.id, ...document, patch: request.body as unknown });
  });
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
