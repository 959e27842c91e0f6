import * as z from 'zod';
import type { HealthCheck, HealthStatus, Log } from '../ports.ts';
import type { ApiDeps } from './api-deps.ts';
import type { Answer, Endpoint } from './endpoint.ts';

const level = z.enum(['up', 'degraded', 'down']);
const health = z
  .object({
    status: level.meta({ description: 'The worst of the checks.' }),
    checks: z.array(z.object({ name: z.string(), status: level, detail: z.string() })),
  })
  .meta({ id: 'Health' });

/** `/health/live` (a restart is needed when it fails), `/health/ready` (requests can be served) and `/metrics`. */
export function reportHealth(
  deps: Pick<ApiDeps, 'checks' | 'metrics' | 'limits' | 'log'>,
): readonly Endpoint[] {
  const probe = (
    path: string,
    operationId: string,
    summary: string,
    checks: readonly HealthCheck[],
  ): Endpoint => ({
    method: 'get',
    path,
    operationId,
    tag: 'operation',
    access: 'open',
    summary,
    responses: {
      200: { description: 'Nothing is down; `degraded` is shown and does no harm yet', schema: health },
      503: { description: 'Something is down; the checks say what', schema: health },
    },
    problems: [],
    handle: () => runChecks(checks, deps.limits.healthWithinMs, deps.log),
  });
  return [
    probe(
      '/health/live',
      'get-liveness',
      'Is the process alive, or does it need a restart?',
      deps.checks.live,
    ),
    probe(
      '/health/ready',
      'get-readiness',
      'Can it serve requests, and if not, what is down?',
      deps.checks.ready,
    ),
    {
      method: 'get',
      path: '/metrics',
      operationId: 'get-metrics',
      tag: 'operation',
      access: 'open',
      summary: 'Measurements for Prometheus; no personal data',
      responses: {
        200: { description: 'Prometheus text format', schema: z.string(), contentType: METRICS_TYPE },
      },
      problems: [],
      handle: async () => ({ status: 200, contentType: METRICS_TYPE, body: await deps.metrics.text() }),
    },
  ];
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

async function runChecks(checks: readonly HealthCheck[], withinMs: number, log: Log): Promise<Answer> {
  const results = await Promise.all(checks.map((check, index) => runCheck(check, index, withinMs, log)));
  const worst = (['down', 'degraded'] as const).find((status) =>
    results.some((result) => result.status === status),
  );
  return {
    status: worst === 'down' ? 503 : 200,
    headers: { 'Cache-Control': 'no-store' },
    body: { status: worst ?? 'up', checks: results },
  };
}

/** A check that throws or hangs is itself a finding: it counts as down, and its words go to the log alone. */
async function runCheck(
  check: HealthCheck,
  index: number,
  withinMs: number,
  log: Log,
): Promise<HealthStatus> {
  const name = check.name || `check ${index + 1}`;
  const late = Promise.withResolvers<HealthStatus>();
  const timer = setTimeout(
    () => late.resolve({ name, status: 'down', detail: `no answer within ${withinMs} ms` }),
    withinMs,
  );
  try {
    return await Promise.race([check(), late.promise]);
  } catch (error) {
    log.error({ err: error, check: name }, 'a health check failed');
    return { name, status: 'down', detail: 'the check itself failed; see the log' };
  } finally {
    clearTimeout(timer);
  }
}
