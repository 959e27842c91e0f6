import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { headersOf } from '../support/headers-of.ts';
import { startOtlpCollector, type OtlpCollector, type ReceivedSpan } from '../support/otlp-collector.ts';
import { waitFor } from '../support/wait-for.ts';
import { ledgerOf, recordConstat, type ShownEntity } from './actions.ts';
import { runBridge, type ChildRun } from './run-child.ts';
import { setup, type Bed, type Insurer } from './setup.ts';
import { apart, atRest, sharedConstat, staffEdit } from './sides.ts';

let bed: Bed;
let insurer: Insurer;
let collector: OtlpCollector;
let child: ChildRun;
beforeAll(async () => {
  bed = await setup();
  insurer = bed.insurers[0]!;
  await bed.stopBridge();
});
afterAll(() => bed.close());
const openCollector = async () => {
  collector = await startOtlpCollector();
};
const end = async () => {
  if (child.process.exitCode === null) child.process.kill('SIGKILL');
  await child.exited;
  await collector.close();
};

/** `bridge run` that is ready; exporting to the collector unless told otherwise. */
async function start(change: Readonly<Record<string, string>> = exporting()): Promise<ChildRun> {
  child = runBridge(['run'], { ...bed.env, ...change });
  await waitFor('the bridge is ready', async () => {
    if (child.process.exitCode !== null) throw new Error(child.stderr());
    return (await bed.staff.get('/health/ready')).status === 200;
  });
  return child;
}
const exporting = () => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
  OTEL_BSP_SCHEDULE_DELAY: '50',
});

const newTrace = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });
const idsOf = (traceparent: string | undefined) => {
  const [, traceId, spanId] = traceparent!.split('-');
  return { traceId, spanId };
};
const topicOf = (action: string) => `${insurer.id}-constat.${action}`;
const spanNamed = (name: string, traceId: string | undefined): Promise<ReceivedSpan> =>
  waitFor(`the span "${name}" in the trace ${traceId}`, () =>
    collector.spans.find((span) => span.name === name && span.traceId === traceId)!,
  );
const patchInTrace = (constat: ShownEntity, traceparent: string) =>
  bed.staff.patch(
    `/v1/constats/${constat.id}`,
    { statusReason: 'Vu le PV' },
    {
      headers: {
        traceparent,
        'Base-Revision': `"${constat.revision}"`,
        'Content-Type': 'application/merge-patch+json',
      },
    },
  );
const eventFrom = async (id: string, source: string) =>
  (await ledgerOf(bed, id)).find((event) => event.source === source)!.event_id;

describe('`bridge run` with a collector', () => {
  beforeAll(async () => {
    await openCollector();
    await start({
      ...exporting(),
      OTEL_SERVICE_NAME: 'bridge-of-the-test',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=eassurance',
    });
  });
  afterAll(end);

  it("continues staff's trace from the request through the topic", async () => {
    const constat = await sharedConstat(bed, insurer);
    const caller = newTrace();
    const { status } = await patchInTrace(constat, `00-${caller.traceId}-${caller.spanId}-01`);
    expect(status).toBe(200);

    const request = await spanNamed('PATCH /v1/constats/{id}', caller.traceId);
    expect(request).toMatchObject({
      kind: 2,
      parentSpanId: caller.spanId,
      attributes: {
        'http.request.method': 'PATCH',
        'http.route': '/v1/constats/{id}',
        'http.response.status_code': '200',
      },
      resource: {
        'service.name': 'bridge-of-the-test',
        'deployment.environment.name': 'test',
      },
    });
    const send = await spanNamed(`send ${topicOf('updated')}`, caller.traceId);
    expect(send).toMatchObject({
      kind: 4,
      parentSpanId: request.spanId,
      attributes: { 'messaging.system': 'kafka', 'bridge.entity.id': constat.id },
    });
    const { traceparent } = await headersOf(topicOf('updated'), constat.id);
    expect(traceparent).toBe(`00-${caller.traceId}-${send.spanId}-01`);
    // Our own event comes back to us: the batch that it is read in continues or names the trace.
    await waitFor('the span of the batch that the edit was read in', () =>
      collector.spans.some(
        (span) =>
          span.name === `process ${topicOf('updated')}` &&
          [span, ...span.links].some(({ traceId }) => traceId === caller.traceId),
      ),
    );
    expect(collector.headers()['x-tenant']).toBe('eassurance');
  });

  it("continues an insurer's trace through the merge and out again", async () => {
    const constat = await sharedConstat(bed, insurer);
    await apart(insurer, async () => {
      await insurer.platform.edit('constat', constat.id, { providerReference: 'SAA-16-2026-7' });
      await staffEdit(bed, constat, { statusReason: 'Dossier complet' });
    });
    await atRest(bed, insurer);

    const theirs = await headersOf(topicOf('updated'), constat.id, await eventFrom(constat.id, 'topic'));
    const merged = await headersOf(topicOf('updated'), constat.id, await eventFrom(constat.id, 'merge'));
    const { traceId, spanId } = idsOf(theirs['traceparent']);
    expect(idsOf(merged['traceparent']).traceId).toBe(traceId);
    expect(await spanNamed(`merge ${topicOf('updated')}`, traceId)).toMatchObject({
      parentSpanId: spanId,
      attributes: { 'messaging.message.id': theirs['ce_id'], 'bridge.entity.id': constat.id },
    });
    const send = await spanNamed(`send ${topicOf('updated')}`, traceId);
    expect(idsOf(merged['traceparent']).spanId).toBe(send.spanId);
  });

  it("asks an insurer's GET API in a span, and tells nothing personal of anybody", async () => {
    const constat = await sharedConstat(bed, insurer);
    expect((await bed.staff.post(`/v1/constats/${constat.id}/refresh`)).status).toBe(200);
    const asked = await waitFor('the span of the GET', () =>
      collector.spans.find(({ name, kind }) => name === 'GET /v1/constats/{id}' && kind === 3),
    );
    expect(asked!.attributes).toMatchObject({ 'bridge.provider': insurer.id });
    const told = JSON.stringify(collector.bodies);
    for (const value of personalValues(constat.state)) expect(told).not.toContain(value);
  });
});

describe('`bridge run` that stops', () => {
  beforeEach(openCollector);
  afterEach(end);

  it('sends first what has ended', async () => {
    const { process, exited } = await start({ ...exporting(), OTEL_BSP_SCHEDULE_DELAY: '3600000' });
    await recordConstat(bed, insurer);
    process.kill('SIGTERM');
    expect(await exited).toBe(0);
    expect(collector.spans.map(({ name }) => name)).toContain('POST /v1/constats');
  });

  it('and had a collector that refused, and now hangs, has worked without it and stops in time', async () => {
    collector.behave('refuse');
    const { process, exited, stdout } = await start({ ...exporting(), LOG_LEVEL: 'info' });
    await waitFor('it says that they do not leave', () => stdout().includes('traces are not exported'));
    await sharedConstat(bed, insurer);
    collector.behave('accept');
    await waitFor('it says that they leave again', async () => {
      await bed.staff.get('/health/live');
      return stdout().includes('traces are exported again');
    });
    expect(stdout().split('traces are not exported')).toHaveLength(2);

    collector.behave('hang');
    const { id } = await sharedConstat(bed, insurer);
    const askedAt = Date.now();
    process.kill('SIGTERM');
    expect(await exited).toBe(0);
    // The command's own deadline: leaving a group that is just being joined takes most of it.
    expect(Date.now() - askedAt).toBeLessThan(15_000);
    expect(await ledgerOf(bed, id)).toHaveLength(1);
  });
});

/** Ends the process that loads anything of OpenTelemetry but its API, which prom-client brings along. */
const FORBID_OPENTELEMETRY = `--import=data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
   registerHooks({ resolve(name, context, next) {
     if (/^@opentelemetry\\/(?!api$)/.test(name)) process.exit(9);
     return next(name, context);
   } });`,
)}`;

describe('`bridge run` that nothing asks for traces', () => {
  beforeEach(openCollector);
  afterEach(end);

  it('loads nothing for them, connects to nothing, and hands a trace on as it came', async () => {
    await start({ ...exporting(), OTEL_SDK_DISABLED: 'true', NODE_OPTIONS: FORBID_OPENTELEMETRY });
    const constat = await sharedConstat(bed, insurer);
    const caller = newTrace();
    const traceparent = `00-${caller.traceId}-${caller.spanId}-01`;
    expect((await patchInTrace(constat, traceparent)).status).toBe(200);
    expect((await headersOf(topicOf('updated'), constat.id))['traceparent']).toBe(traceparent);
    expect(collector.requests()).toBe(0);
  });

  it('is told apart by that check from one that is asked', async () => {
    child = runBridge(['run'], { ...bed.env, ...exporting(), NODE_OPTIONS: FORBID_OPENTELEMETRY });
    expect(await child.exited).toBe(9);
  });
});

/** Every text of the state that is long enough not to stand somewhere by chance, but for its ids. */
function personalValues(state: ShownEntity['state']): readonly string[] {
  const texts: string[] = [];
  JSON.stringify(state, (name, value: unknown) => {
    const isPlain = typeof value === 'string' && value.length >= 6 && /[ @+\d]/.test(value);
    if (isPlain && !/Id$|At$|^createdBy$/.test(name)) texts.push(value);
    return value;
  });
  expect(texts.length).toBeGreaterThan(10);
  return texts;
}
