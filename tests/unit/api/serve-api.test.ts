import { Agent, get, type IncomingMessage } from 'node:http';
import express from 'express';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { serveApi } from '../../../src/api/serve-api.ts';
import { UsageError } from '../../../src/domain/errors.ts';

const log = pino({ level: 'silent' });
const agent = new Agent({ keepAlive: true });
const running: { stop: AbortController; ended: Promise<void> }[] = [];

afterEach(async () => {
  for (const { stop, ended } of running.splice(0)) {
    stop.abort();
    await ended;
  }
});

async function start(app = express(), port = 0) {
  const listening = Promise.withResolvers<string>();
  const stop = new AbortController();
  const service = serveApi({ app, host: '127.0.0.1', port, log, onListening: listening.resolve });
  const ended = service.run(stop.signal);
  ended.catch(listening.reject);
  const url = await listening.promise;
  running.push({ stop, ended });
  return { url, stop, ended };
}

function ask(
  url: string,
  through: Agent | false = agent,
): Promise<{ response: IncomingMessage; text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: through }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ response, text }));
    }).on('error', reject);
  });
}

describe('serving the API', () => {
  it('finishes the request in flight, closes kept-alive connections and takes no new ones', async () => {
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const app = express();
    app.get('/slow', async (_request, response) => {
      arrived.resolve();
      await release.promise;
      response.send('done');
    });
    app.get('/quick', (_request, response) => void response.send('quick'));
    const { url, stop, ended } = await start(app);
    const [slow] = [ask(`${url}/slow`), await ask(`${url}/quick`)];
    await arrived.promise;

    stop.abort();
    await expect(ask(`${url}/quick`, false)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    release.resolve();
    expect((await slow).text).toBe('done');

    const beforeMs = Date.now();
    await ended;
    // Without closing idle connections, the kept-alive one would hold it for the server's 5 seconds.
    expect(Date.now() - beforeMs).toBeLessThan(2_000);
  });

  it('says in a sentence that the port is taken', async () => {
    const { url } = await start();
    const port = Number(new URL(url).port);
    const second = serveApi({ app: express(), host: '127.0.0.1', port, log }).run(
      new AbortController().signal,
    );
    await expect(second).rejects.toThrow(UsageError);
    await expect(second).rejects.toThrow(
      `port ${port} on 127.0.0.1 is taken: stop what listens there, or set HTTP_PORT to a free one`,
    );
  });

  it('says in a sentence that the host is none of this machine', async () => {
    const run = serveApi({ app: express(), host: '192.0.2.1', port: 0, log }).run(
      new AbortController().signal,
    );
    await expect(run).rejects.toThrow(/^192\.0\.2\.1 is no address of this machine: set HTTP_HOST/);
  });

  it('does not listen at all when it is told to stop first', async () => {
    const stopped = AbortSignal.abort();
    await serveApi({ app: express(), host: '127.0.0.1', port: 0, log }).run(stopped);
  });
});
