import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { buildApp } from '../app.ts';
import { parseSettings } from '../config/env.ts';
import { createLog } from '../telemetry/create-log.ts';
import { openTracing } from '../telemetry/open-tracing.ts';
import { armFromSettings } from './arm-crash-point.ts';
import { shutdownSignal } from './context.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** `bridge run`: the daemon. Runs until it is told to stop, or until a part of it can't go on (exit code 1). */
export function runCommand(): Command {
  return new Command('run')
    .description(
      'run the bridge: consume the topics, relay edits, pull the GET APIs and serve the API, until SIGTERM',
    )
    .option(
      '--recover',
      'the database was restored from a backup: first adopt what we have published since; harmless if not',
      false,
    )
    .action(async ({ recover }: { readonly recover: boolean }) => {
      const settings = parseSettings(process.env, [
        'database',
        'kafka',
        'registry',
        'http',
        'signing',
        'providers',
        'tracing',
        'crash',
      ]);
      const log = createLog({ level: settings.logLevel });
      armFromSettings(settings.crashAt, log);
      const traces = await openTracing(settings.traceExport, { log: log.child({ part: 'traces' }), version });
      try {
        const app = await buildApp(settings, { log, version, tracing: traces.tracing, recover });
        log.info({ version }, 'the bridge starts');
        await app.run(shutdownSignal);
      } finally {
        await traces.close();
      }
      log.info('the bridge has stopped');
    });
}
