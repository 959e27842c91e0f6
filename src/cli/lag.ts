import axios from 'axios';
import { Command } from 'commander';
import type { LagDocument } from '../api/read-lag.ts';
import { parseSettings } from '../config/env.ts';
import { UsageError } from '../domain/errors.ts';
import { sleep } from '../runtime/sleep.ts';
import { shutdownSignal } from './context.ts';
import { lookAtLag } from './look-at-lag.ts';
import { describeLag, exitCodeOf } from './print-lag.ts';

interface LagOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly all?: boolean;
  readonly provider?: string;
}

/** How the figures are had: each call returns them as of now. */
type Look = () => Promise<LagDocument>;

const WATCH_EVERY_MS = 2_000;
const CLEAR_SCREEN = '\x1b[2J\x1b[H';

/** `bridge lag`: asks the running bridge when BRIDGE_API_KEY is set, and where there is no answer, or no key, looks at Kafka
 *  and PostgreSQL itself. Exit code 2 when a verdict needs somebody, else 0. */
export function lagCommand(): Command {
  return new Command('lag')
    .description(
      'tell how far behind everything is, since when, why, and what to type next; exit code 2 when something needs you',
    )
    .option('--watch', 'look again every 2 s, in place')
    .option('--json', 'print JSON, as GET /v1/lag answers')
    .option('--all', 'show what is fine too')
    .option('--provider <id>', 'this insurer alone')
    .action(async (options: LagOptions) => {
      const direct = lookAtLag(process.env);
      try {
        const look: Look = async () => (await askBridge()) ?? direct.look();
        if (options.watch) await watch(look, options);
        else show(await look(), options);
      } finally {
        await direct.close();
      }
    });
}

async function watch(look: Look, options: LagOptions): Promise<void> {
  while (!shutdownSignal.aborted) {
    const document = await look();
    if (!options.json) process.stdout.write(CLEAR_SCREEN);
    show(document, options);
    await sleep(WATCH_EVERY_MS, shutdownSignal);
  }
}

function show(document: LagDocument, { json = false, all = false, provider }: LagOptions): void {
  const narrowed = provider === undefined ? document : narrow(document, provider);
  console.log(json ? JSON.stringify(narrowed, null, 2) : describeLag(narrowed, all));
  process.exitCode = exitCodeOf(narrowed);
}

function narrow(document: LagDocument, provider: string): LagDocument {
  const only = <T extends { readonly provider: string }>(each: readonly T[]) =>
    each.filter((one) => one.provider === provider);
  const providers = only(document.providers);
  if (providers.length === 0)
    throw new UsageError(
      `no insurer is called ${provider}: use one of ${document.providers.map((one) => one.provider).join(', ')}`,
    );
  return { ...document, rows: only(document.rows), providers };
}

/** Null when no key is given or nobody answers with a report: what is then seen is seen from here. */
async function askBridge(): Promise<LagDocument | null> {
  const { bridgeApiKey, bridgeUrl, httpHost, httpPort } = parseSettings(process.env, ['http', 'client']);
  if (bridgeApiKey === undefined) return null;
  const url = bridgeUrl ?? `http://${httpHost.includes(':') ? `[${httpHost}]` : httpHost}:${httpPort}`;
  const answer = await axios
    .get<LagDocument>(`${url.replace(/\/$/, '')}/v1/lag`, {
      headers: { 'X-API-Key': bridgeApiKey },
      timeout: 5_000,
      validateStatus: () => true,
    })
    .catch(() => null);
  if (answer?.status === 401 || answer?.status === 403)
    throw new UsageError(
      'the bridge refuses the key of BRIDGE_API_KEY: make one with bridge keys create --scope operator',
    );
  return answer?.status === 200 ? answer.data : null;
}
