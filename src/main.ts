#!/usr/bin/env -S MALLOC_ARENA_MAX=1 node --max-old-space-size=192 --max-semi-space-size=8 --heap-growing-percent=200
// The line above is the one place for Node's flags in production. Without them V8 takes what the machine has before it
// collects; with them the bridge stays within 350 MB resident whatever is sent to it (tests/e2e/memory.test.ts). The third
// lets the heap grow further before all of it is looked through, which delays one event in a hundred. One arena for all
// threads: glibc keeps for each what V8's compilers and collectors had, 20 MB in all (docs/performance.md for both).
import { Command, CommanderError } from 'commander';
import { requestShutdown, shutdownSignal } from './cli/context.ts';
import { BridgeError } from './domain/errors.ts';

/** How long a command has to stop once it was asked to. */
const STOP_DEADLINE_MS = 15_000;

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command. A command's module is only loaded to run it or to print its help. */
const commands: Readonly<Record<string, Entry>> = {
  run: {
    summary: 'run the bridge: consume, relay, pull and the API',
    load: async () => (await import('./cli/run.ts')).runCommand(),
  },
  services: {
    summary: 'start only PostgreSQL, Kafka and the schema registry, without Docker',
    load: async () => (await import('./cli/services.ts')).servicesCommand(),
  },
  migrate: {
    summary: 'bring the database up to this build',
    load: async () => (await import('./cli/migrate.ts')).migrateCommand(),
  },
  topics: {
    summary: 'compare topics.yaml with the cluster, or carry it out',
    load: async () => (await import('./cli/topics.ts')).topicsCommand(),
  },
  topic: {
    summary: 'see which topics stand still, pause one, let one go on',
    load: async () => (await import('./cli/topic.ts')).topicCommand(),
  },
  schemas: {
    summary: 'check the event contracts, or register them',
    load: async () => (await import('./cli/schemas.ts')).schemasCommand(),
  },
  lag: {
    summary: 'how far behind everything is, since when, why, and what to type next',
    load: async () => (await import('./cli/lag.ts')).lagCommand(),
  },
  conflicts: {
    summary: 'list, show and settle what both sides changed at once',
    load: async () => (await import('./cli/conflicts.ts')).conflictsCommand(),
  },
  explain: {
    summary: 'tell all that happened to an entity, an event or a record, and how things stand',
    load: async () => (await import('./cli/explain.ts')).explainCommand(),
  },
  doctor: {
    summary: 'check everything that the bridge needs, and say how to mend what is wrong',
    load: async () => (await import('./cli/doctor.ts')).doctorCommand(),
  },
  quarantine: {
    summary: 'what could not be read or attributed: list, show, retry, edit, discard',
    load: async () => (await import('./cli/quarantine.ts')).quarantineCommand(),
  },
  keys: {
    summary: 'create, revoke and list API keys',
    load: async () => (await import('./cli/keys.ts')).keysCommand(),
  },
  provider: {
    summary: 'give a restored provider its next writer id, and list the providers',
    load: async () => (await import('./cli/provider.ts')).providerCommand(),
  },
  simulate: {
    summary: "run one simulated insurer's platform",
    load: async () => (await import('./cli/simulate.ts')).simulateCommand(),
  },
  demo: {
    summary: 'start everything, play a story through it and keep running',
    load: async () => (await import('./cli/demo.ts')).demoCommand(),
  },
};

async function main(args: readonly string[]): Promise<number> {
  loadEnvFile();
  stopOnSignals();
  try {
    const program = await buildProgram(args);
    await program.parseAsync([...args], { from: 'user' });
    // What a command says by its exit code: `doctor`, `topics plan --exit-code`.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return report(error);
  }
}

async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('bridge').description(
    "Keeps E-assurance's database and each insurer's platform the same. Settings come from the environment or .env; .env.example lists them.",
  );
  const wanted = args.find((arg) => Object.hasOwn(commands, arg));
  for (const [name, { summary, load }] of Object.entries(commands)) {
    program.addCommand(
      name === wanted ? (await load()).summary(summary) : new Command(name).summary(summary),
    );
  }
  throwInsteadOfExit(program);
  return program;
}

/** Commander would exit by itself, past everything that still has to be said or stopped. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.commands.forEach(throwInsteadOfExit);
}

/** The exit code, once the user knows what happened: a sentence for what they can mend, a stack for what they can't. */
function report(error: unknown): number {
  // Commander has said what it has to say, help or complaint.
  if (error instanceof CommanderError) return error.exitCode;
  if (shutdownSignal.aborted && error === shutdownSignal.reason) return 0;
  console.error(error instanceof BridgeError ? `bridge: ${error.message}` : error);
  return 1;
}

function loadEnvFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The first signal asks the command to stop, in order; the second, or the deadline, ends the process where it stands. */
function stopOnSignals(): void {
  const onSignal = () => {
    if (shutdownSignal.aborted) process.exit(1);
    requestShutdown();
    setTimeout(() => {
      console.error(`bridge: not everything stopped within ${STOP_DEADLINE_MS / 1000} s; leaving`);
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

process.exit(await main(process.argv.slice(2)));
