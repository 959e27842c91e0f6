import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordConstat, shownAt, type ShownEntity } from './actions.ts';
import { hasPython, installPython } from './install-python.ts';
import { setup, type Bed, type Insurer } from './setup.ts';

const run = promisify(execFile);
const script = path.resolve(import.meta.dirname, '../../docs/examples/python_provider.py');

const able = hasPython();
if (!able)
  console.warn('The foreign client is skipped: there is no python3 with venv and pip on this machine.');

describe.skipIf(!able)('a client that is not ours (Python, librdkafka, fastavro)', () => {
  let bed: Bed;
  let insurer: Insurer;
  let python: string;
  let constat: ShownEntity;
  beforeAll(async () => {
    [bed, python] = await Promise.all([setup(), installPython()]);
    insurer = bed.insurers[0]!;
    constat = await recordConstat(bed, insurer);
  });
  afterAll(() => bed.close());

  const provider = async (command: string, more: Readonly<Record<string, string>> = {}) => {
    const { stdout } = await run(python, [script, command], {
      env: {
        PATH: process.env['PATH'],
        KAFKA_BROKERS: bed.env['KAFKA_BROKERS'],
        KAFKA_SASL_USERNAME: insurer.login.username,
        KAFKA_SASL_PASSWORD: insurer.login.password,
        SCHEMA_REGISTRY_URL: bed.env['SCHEMA_REGISTRY_URL'],
        PROVIDER_ID: insurer.id,
        TOPIC: `${insurer.id}-constat.created`,
        ENTITY_ID: constat.id,
        ...more,
      },
    });
    return JSON.parse(stdout);
  };

  it('reads an event that we published', async () => {
    const { event, headers } = await provider('read');
    expect(event.meta).toMatchObject({
      origin: 'eassurance',
      entityId: constat.id,
      revision: { eassurance: 1 },
    });
    expect(event.constat).toEqual(constat.state);
    expect(headers).toMatchObject({
      ce_specversion: '1.0',
      ce_id: event.meta.eventId,
      ce_type: 'dz.eassurance.constat.created.v1',
      ce_subject: constat.id,
      'content-type': 'application/avro',
    });
  });

  it('publishes an edit that we apply', async () => {
    const reference = 'PY-2026-000017';
    const { topic, partition, offset, event } = await provider('edit', {
      EDIT_TOPIC: `${insurer.id}-constat.updated`,
      EDIT_FIELD: 'providerReference',
      EDIT_VALUE: JSON.stringify(reference),
    });
    const shown = await shownAt(bed, 'constats', constat.id, `eassurance:1,${insurer.id}:1`);
    expect(shown.state).toEqual({
      ...constat.state,
      providerReference: reference,
      updatedAt: event.constat.updatedAt,
    });
    const { data } = await bed.staff.get(`/v1/constats/${constat.id}/history`);
    expect(data.data[0]).toMatchObject({
      eventId: event.meta.eventId,
      outcome: 'applied',
      topic,
      received: { partition, offset: String(offset) },
    });
  });
});
