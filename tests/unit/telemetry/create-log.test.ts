import { describe, expect, it } from 'vitest';
import { createLog } from '../../../src/telemetry/create-log.ts';

function setup(level = 'info') {
  const lines: string[] = [];
  const log = createLog({ level, pretty: false, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

describe('createLog', () => {
  it('writes one JSON object a line, with the bound fields', () => {
    const { log, last } = setup();
    log.child({ topic: 'saa-constat.created' }).info({ offset: 42n }, 'settled');
    expect(last()).toMatchObject({ level: 'info', topic: 'saa-constat.created', offset: 42, msg: 'settled' });
    expect(last()['time']).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('says nothing below its level', () => {
    const { log, lines } = setup('warn');
    log.info('not worth a line');
    expect(lines).toEqual([]);
  });

  it.each([
    ['password', { kafkaSasl: { username: 'bridge', password: 'hush' } }],
    ['API key', { provider: { id: 'saa', apiKey: 'hush', apiKeyNext: 'hush' } }],
    ['API key header', { req: { headers: { 'x-api-key': 'hush' } } }],
    ['database address', { databaseUrl: 'postgresql://bridge:hush@db/eassurance' }],
    ['phone', { state: { driver: { phone: 'hush' } } }],
    ['plate', { plateRaw: 'hush' }],
    [
      'plate in a list, far below',
      { answer: { rows: [{ state: { parties: [{ vehicle: { vin: 'hush' } }] } }] } },
    ],
  ])('hides a %s', (_what, fields) => {
    const { log, lines } = setup();
    log.info(fields, 'started');
    expect(lines.at(-1)).not.toContain('hush');
    expect(lines.at(-1)).toContain('[hidden]');
  });

  it('hides what is bound to a logger, and changes nothing of what it was given', () => {
    const { log, last } = setup();
    const given = { driver: { phone: '0555', seat: 1 }, rows: [1, 2] };
    log.child({ password: 'hush', part: 'api' }).info(given, 'started');
    expect(last()).toMatchObject({
      ...{ password: '[hidden]', part: 'api', rows: [1, 2] },
      driver: { phone: '[hidden]', seat: 1 },
    });
    expect(given.driver.phone).toBe('0555');
  });

  it('ends where an object contains itself', () => {
    const { log, lines } = setup();
    const loop: Record<string, unknown> = { part: 'api' };
    loop['self'] = loop;
    log.info({ loop }, 'started');
    expect(lines).toHaveLength(1);
  });

  it('writes of an error its code and causes, and nothing that hangs on it', () => {
    const { log, last, lines } = setup();
    const cause = Object.assign(new Error('connect ECONNREFUSED'), {
      code: 'ECONNREFUSED',
      config: { headers: { key: 'hush' } },
    });
    log.error(
      {
        err: Object.assign(new Error('saa is away', { cause }), {
          code: 'PROVIDER_UNAVAILABLE',
          request: { key: 'hush' },
        }),
      },
      'pull failed',
    );
    expect(last()['err']).toMatchObject({
      message: 'saa is away',
      code: 'PROVIDER_UNAVAILABLE',
      cause: { message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' },
    });
    expect(lines.at(-1)).not.toContain('hush');
  });
});
