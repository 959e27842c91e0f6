import { Command, InvalidArgumentError } from 'commander';
import { entityOf, explanationDocument } from '../api/explanation-document.ts';
import { createCodec } from '../avro/create-codec.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { UsageError } from '../domain/errors.ts';
import type { ExplainResult } from '../domain/explanation.ts';
import { explainSubject } from '../explain/explain-subject.ts';
import { sayTimeInAlgiers, sayTimeInUtc } from '../explain/say-time.ts';
import { createGroupOffsets } from '../kafka/create-group-offsets.ts';
import { createKafkaAdmin } from '../kafka/create-kafka-admin.ts';
import { createConflictReader } from '../postgres/create-conflict-reader.ts';
import { createLedgerReader } from '../postgres/create-ledger-reader.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createSchemaTable } from '../postgres/create-schema-table.ts';
import { requireMigrated } from '../postgres/require-migrated.ts';
import { createCleanupStack } from '../runtime/cleanup-stack.ts';
import { maskAtom } from '../telemetry/mask.ts';
import { printExplanation, printMatches } from './print-explanation.ts';

interface Options {
  readonly json?: boolean;
  readonly limit: number;
}

/** `bridge explain <subject>`: straight from the database, and from Kafka how far the provider has read; neither the bridge
 *  nor the registry needs to run. */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'tell all that happened to an entity, an event or a record, in order and from both sides, and how things stand',
    )
    .argument(
      '<subject>',
      "an entity's or event's id, a reference of the insurer's, a plate, or topic/partition/offset",
    )
    .option('--json', 'print JSON, as GET /v1/explain answers, with times in UTC')
    .option('--limit <events>', 'only the newest so many events', wholeNumber, 50)
    .action(async (subject: string, { json = false, limit }: Options) => {
      const result = await explain(subject, json, limit);
      if (result.status === 'unknown') throw new UsageError(result.sentence);
      if (json) console.log(JSON.stringify(documentOf(result), null, 2));
      else if (result.status === 'several') printMatches(result);
      else printExplanation(result.explanation);
    });
}

async function explain(subject: string, json: boolean, limit: number): Promise<ExplainResult> {
  const hasKafka = (process.env['KAFKA_BROKERS'] ?? '') !== '';
  const settings = parseSettings(process.env, ['database']);
  const contracts = loadContracts(settings.schemasDirs);
  const topology = await loadTopology({ ...settings, shapeOf: contracts.shapeOf });
  const cleanup = createCleanupStack();
  try {
    const pool = createPool({ databaseUrl: settings.databaseUrl, max: 4, onError: () => {} });
    cleanup.defer('the database pool', () => pool.end());
    await requireMigrated(pool, settings.migrationsDirs);
    const admin = hasKafka ? createKafkaAdmin(kafkaConnection()) : null;
    if (admin !== null) cleanup.defer('the Kafka admin', () => admin.close());
    return await explainSubject(
      { subject, providers: null, say: json ? sayTimeInUtc : sayTimeInAlgiers(Date.now()), limit },
      {
        topology,
        ledger: createLedgerReader({ pool }),
        conflicts: createConflictReader({ pool }),
        codec: createCodec({
          contracts,
          topology,
          schemaTable: createSchemaTable({ pool }),
          topicSchemaIds: new Map(),
          // Stored bytes are read with our own copies of the schemas: the registry is never asked.
          registry: { fetchSchema: () => Promise.reject(new Error('only stored bytes are read here')) },
        }),
        offsets: admin && createGroupOffsets(admin),
        show: maskAtom,
        kafkaWithinMs: 5_000,
      },
    );
  } finally {
    await cleanup.unwind();
  }
}

function kafkaConnection() {
  const { kafkaBrokers: brokers, kafkaSasl: sasl, kafkaSsl: ssl } = parseSettings(process.env, ['kafka']);
  return { brokers, sasl, ssl, clientId: 'eassurance-explain' };
}

function documentOf(result: Exclude<ExplainResult, { status: 'unknown' }>): object {
  return result.status === 'explained'
    ? explanationDocument(result.explanation)
    : { several: result.matches.map(entityOf), summary: result.sentence };
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999.');
  return Number(text);
}
