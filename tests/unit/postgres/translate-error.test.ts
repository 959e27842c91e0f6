import { describe, expect, it } from 'vitest';
import { MovedError, TransientError } from '../../../src/domain/errors.ts';
import { translateError } from '../../../src/postgres/translate-error.ts';

const withCode = (code: string, message = 'x') => Object.assign(new Error(message), { code });

describe('what a database error means', () => {
  it.each([
    ['a refused connection', withCode('ECONNREFUSED'), 'DATABASE_UNAVAILABLE'],
    [
      'both addresses of a host refusing',
      new AggregateError([withCode('ECONNREFUSED')]),
      'DATABASE_UNAVAILABLE',
    ],
    ['a connection that broke', new Error('Connection terminated unexpectedly'), 'DATABASE_UNAVAILABLE'],
    [
      'no free connection in time',
      new Error('timeout exceeded when trying to connect'),
      'DATABASE_UNAVAILABLE',
    ],
    ['a server that shuts down', withCode('57P01'), 'DATABASE_UNAVAILABLE'],
    ['a server that starts up', withCode('57P03'), 'DATABASE_UNAVAILABLE'],
    ['too many connections', withCode('53300'), 'DATABASE_UNAVAILABLE'],
    ['a password that was changed', withCode('28P01'), 'DATABASE_UNAUTHORISED'],
    ['a database that is being restored', withCode('3D000'), 'DATABASE_UNAVAILABLE'],
    ['a full disk', withCode('53100'), 'DATABASE_FULL'],
    ['a standby', withCode('25006'), 'DATABASE_READ_ONLY'],
    ['a deadlock', withCode('40P01'), 'DATABASE_CONTENTION'],
    ['a statement that took too long', withCode('57014'), 'DATABASE_TIMEOUT'],
    ['a server that fell silent', new Error('Query read timeout'), 'DATABASE_TIMEOUT'],
    [
      'Prisma over a broken connection',
      Object.assign(new Error('x'), {
        code: 'P2010',
        meta: { driverAdapterError: { cause: { originalCode: '57P01' } } },
      }),
      'DATABASE_UNAVAILABLE',
    ],
    ['Prisma without a server', withCode('P1001'), 'DATABASE_UNAVAILABLE'],
  ])('is %s', (_, error, code) => {
    const translated = translateError(error);
    expect(translated).toBeInstanceOf(TransientError);
    expect(translated).toMatchObject({ code, cause: error });
  });

  it.each([
    ['a syntax error', withCode('42601')],
    ['a unique violation', withCode('23505')],
    ['a row that Prisma did not find', withCode('P2025')],
    ['a bug of ours', new TypeError('x')],
    ['an error of ours', new MovedError('entity', 'x')],
    ['something that is no error', 'x'],
  ])('is left as it is: %s', (_, error) => {
    expect(translateError(error)).toBe(error);
  });
});
