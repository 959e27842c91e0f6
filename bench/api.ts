import { HUB } from '../src/domain/event.ts';
import { createCleanupStack } from '../src/runtime/cleanup-stack.ts';
import { openBare } from './api/open-bare.ts';
import { runLoad, type LoadOrder, type MeteredLoad } from './api/run-load.ts';
import type { BenchOptions, Figure, Report } from './figures.ts';
import { openBridge, type LiveBridge } from './live/open-bridge.ts';
import { openBed } from './open-bed.ts';

const CONNECTIONS = 50;
const GOALS = {
  POST: { perSecond: 1_500, p99: 60 },
  PATCH: { perSecond: 1_500, p99: 60 },
  GET: { perSecond: 5_000, p99: null },
};

/** What one bridge answers, each edit durable, published and read back meanwhile. */
export async function benchApi({ quick, signal }: BenchOptions): Promise<Report> {
  const rounds = quick ? 1 : 3;
  const amounts = quick
    ? { POST: 1_000, PATCH: 1_000, GET: 3_000 }
    : { POST: 6_000, PATCH: 6_000, GET: 30_000 };
  const round = (['POST', 'PATCH', 'GET'] as const).map((what): LoadOrder => ({
    what,
    amount: amounts[what],
  }));
  const cleanup = createCleanupStack();
  try {
    const bed = await openBed({ providers: 1, partitions: 8, signal }, cleanup);
    const bridge = await openBridge(bed, cleanup);
    const target = {
      url: bridge.url,
      key: bridge.staffKey,
      providerId: bed.providerIds[0]!,
      connections: CONNECTIONS,
    };
    const warmUp = round.map(({ what }): LoadOrder => ({ what, amount: 500 }));
    const orders = [...warmUp, ...Array.from({ length: rounds }, () => round).flat()];
    const bare = await openBare(cleanup);
    const ofBare = await runLoad({ ...target, url: bare.url }, [...warmUp, ...round], bare.cpuMs, signal);
    const results = await runLoad(target, orders, () => bridge.cpuMs(), signal);
    await checkEdits(bridge, results);
    const counted = results.slice(warmUp.length);
    return {
      title: `The API on ${CONNECTIONS} connections, ${rounds} interleaved rounds of ${round.map(({ what, amount }) => `${amount.toLocaleString('en')} ${what}`).join(', ')}`,
      figures: round.flatMap(({ what }) => [
        ...toFigures(what, counted),
        ...toBareFigures(what, ofBare.slice(warmUp.length)),
      ]),
      notes: [
        "CPU: the bridge's, its relay and its reading back included; that of Express alone, which answers as many bytes with nothing behind it.",
        'The database holds every constat and every revision that was answered, and no more.',
      ],
    };
  } finally {
    await cleanup.unwind();
  }
}

function toFigures(what: LoadOrder['what'], results: readonly MeteredLoad[]): readonly Figure[] {
  const of = results.filter((result) => result.what === what);
  const goal = GOALS[what];
  return [
    {
      ...{ name: `${what} constat`, unit: 'requests/s', goal: { atLeast: goal.perSecond } },
      values: of.map(({ perSecond }) => perSecond),
    },
    {
      ...{ name: `${what} constat, p99`, unit: 'ms', values: of.map(({ p99 }) => p99) },
      goal: goal.p99 === null ? null : { atMost: goal.p99 },
    },
    { name: `${what} constat, CPU`, ...cpuOf(of) },
  ];
}

/** What the machine gives to an API without anything behind it, beside the same load. */
function toBareFigures(what: LoadOrder['what'], results: readonly MeteredLoad[]): readonly Figure[] {
  const of = results.filter((result) => result.what === what);
  const name = `${what}, Express alone`;
  return [
    { name, unit: 'requests/s', goal: null, values: of.map(({ perSecond }) => perSecond) },
    { name: `${name}, CPU`, ...cpuOf(of) },
  ];
}

function cpuOf(results: readonly MeteredLoad[]): Pick<Figure, 'unit' | 'goal' | 'values'> {
  return {
    ...{ unit: 'ms for 1,000', goal: null },
    values: results.map(({ cpuMs, good }) => (cpuMs / good) * 1_000),
  };
}

/** Throws unless there are as many constats and as many edits of ours as were answered. */
async function checkEdits({ db }: LiveBridge, results: readonly MeteredLoad[]): Promise<void> {
  const answered = (what: LoadOrder['what']) =>
    results.filter((result) => result.what === what).reduce((sum, { good }) => sum + good, 0);
  const { rows } = await db.query<{ constats: number; edits: number }>(
    'select count(*)::int as constats, sum((revision ->> $1)::int)::int as edits from constat',
    [HUB],
  );
  const { constats, edits } = rows[0]!;
  const [opened, patched] = [answered('POST'), answered('PATCH')];
  if (constats !== opened || edits !== opened + patched)
    throw new Error(
      `${constats} constats with ${edits} edits, but ${opened} were answered and ${opened + patched} edits`,
    );
}
