#!/usr/bin/env node
// Stands in for Prisma's native schema engine, which its command line would download: the same arguments and JSON-RPC
// over standard input, answered by the engine's WebAssembly build over our own PostgreSQL driver.
// Used as PRISMA_SCHEMA_ENGINE_BINARY for `prisma migrate diff` and `prisma migrate dev`; the bridge itself needs neither.
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';

const args = process.argv.slice(2);
if (args.includes('--version')) {
  console.log('schema-engine-cli wasm');
  process.exit(0);
}
const after = (flag) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
const datasource = after('--datasource');
const url = datasource === undefined ? undefined : JSON.parse(datasource).url;

// ── The driver: catalogue types that the adapter has no words for, and the engine's shadow database ─────────────────

/** Object id of a catalogue type → a type that the adapter reads the same way: "char" and name as text. */
const READ_AS = { 18: 25, 19: 25, 1002: 1009, 1003: 1009 };
const CHARACTER = 6;

class CatalogueClient extends pg.Client {
  _handleRowDescription(message) {
    for (const field of message.fields) field.dataTypeID = READ_AS[field.dataTypeID] ?? field.dataTypeID;
    super._handleRowDescription(message);
  }
}

class EngineDriver extends PrismaPg {
  constructor(address, database) {
    const target = address === undefined ? {} : parseIntoClientConfig(address);
    super({ ...target, ...(database && { database }), Client: CatalogueClient, allowExitOnIdle: true });
    this.address = address;
  }

  async connect() {
    const connection = await super.connect();
    const queryRaw = connection.queryRaw.bind(connection);
    // The engine reads this one column of its questions as a single character, and no type of the adapter means that.
    connection.queryRaw = async (query) => {
      const result = await queryRaw(query);
      const column = result.columnNames.indexOf('constraint_type');
      if (column >= 0) result.columnTypes[column] = CHARACTER;
      return result;
    };
    return connection;
  }

  async connectToShadowDb() {
    const name = `prisma_migrate_shadow_db_${randomUUID()}`;
    const main = await this.connect();
    await main.executeScript(`CREATE DATABASE "${name}"`);
    const shadow = await new EngineDriver(this.address, name).connect();
    const dispose = shadow.dispose.bind(shadow);
    shadow.dispose = async () => {
      await dispose();
      await main.executeScript(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      await main.dispose();
    };
    return shadow;
  }
}

async function withMaintenance(work) {
  const target = parseIntoClientConfig(url);
  const client = new pg.Client({ ...target, database: 'postgres' });
  await client.connect();
  try {
    return await work(client, target.database);
  } finally {
    await client.end();
  }
}

async function tryConnect() {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

const log = (level, message, extra = {}) =>
  process.stderr.write(
    `${JSON.stringify({ timestamp: new Date().toISOString(), level, fields: { message, ...extra }, target: 'schema_engine::logger' })}\n`,
  );

// ── One-shot commands ───────────────────────────────────────────────────────────────────────────────────────────────

const createDatabase = () =>
  withMaintenance((client, name) =>
    client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`).then(() => name),
  );
const dropDatabase = () =>
  withMaintenance((client, name) => client.query(`DROP DATABASE ${pg.escapeIdentifier(name)} WITH (FORCE)`));

const oneShot = {
  'can-connect-to-database': tryConnect,
  'create-database': createDatabase,
  'drop-database': dropDatabase,
};
if (args.includes('cli')) {
  try {
    await oneShot[after('cli')]();
    process.exit(0);
  } catch (error) {
    const absent = error.code === '3D000';
    log('ERROR', absent ? 'Database does not exist' : error.message, {
      error_code: absent ? 'P1003' : 'P1001',
      is_panic: false,
    });
    process.exit(1);
  }
}

// ── The engine, behind JSON-RPC ─────────────────────────────────────────────────────────────────────────────────────

globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  message: '',
  get() {
    return this.message;
  },
  set_message(message) {
    this.message = message;
    log('ERROR', message, { is_panic: true });
  },
};
process.on('uncaughtException', (error) => {
  log('ERROR', error.message, { is_panic: true });
  process.exit(101);
});

const glueName = '@prisma/schema-engine-wasm/schema_engine_bg';
const glue = await import(glueName);
const wasm = createRequire(import.meta.url)
  .resolve(glueName)
  .replace(/\.js$/, '.wasm');
const instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm)), {
  './schema_engine_bg.js': glue,
});
glue.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

let engine;
async function getEngine() {
  return (engine ??= await (async () => {
    const exists =
      url === undefined ||
      (await tryConnect().then(
        () => true,
        (error) => {
          if (error.code === '3D000') return false;
          throw error;
        },
      ));
    const files = args.flatMap((arg, index) => (arg === '--datamodels' ? [args[index + 1]] : []));
    const models = files.map((file) => [file, readFileSync(file, 'utf8')]);
    const none = [['schema.prisma', 'datasource db { provider = "postgresql" }']];
    const driver = new EngineDriver(url, exists ? undefined : 'postgres');
    return glue.SchemaEngine.new(
      { datamodels: models.length > 0 ? models : none },
      () => {},
      bindMigrationAwareSqlAdapterFactory(driver),
    );
  })());
}

const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
let prints = 0;

async function answer({ id, method, params = {} }) {
  if (method === undefined) return;
  try {
    if (method === 'createDatabase') return send({ id, result: { databaseName: await createDatabase() } });
    if (method === 'getDatabaseVersion')
      return send({ id, result: await (await getEngine()).version(params) });
    const result = (await (await getEngine())[method](params)) ?? {};
    if (method !== 'diff' || result.stdout == null) return send({ id, result });
    // The native engine prints a diff through a call of its own.
    prints += 1;
    send({ id: prints, method: 'print', params: { content: result.stdout.replace(/\n$/, '') } });
    return send({ id, result: { exitCode: result.exitCode, stdout: null } });
  } catch (error) {
    const message = error.message ?? String(error);
    const data = { is_panic: false, message, error_code: error.code ?? error.error_code, meta: error.meta };
    return send({
      id,
      error: { code: 4466, message: 'An error happened. Check the data field for details.', data },
    });
  }
}

const requests = createInterface({ input: process.stdin });
let queue = Promise.resolve();
requests.on('line', (line) => {
  if (line.trim() !== '') queue = queue.then(() => answer(JSON.parse(line)));
});
requests.on('close', () => queue.then(() => process.exit(0)));
