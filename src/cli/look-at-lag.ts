import { lagDocument, type LagDocument } from '../api/read-lag.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { consumerGroup } from '../consume/consume-provider.ts';
import { AT_ONCE } from '../domain/lag/thresholds.ts';
import { createKafkaAdmin } from '../kafka/create-kafka-admin.ts';
import { createLogReader } from '../kafka/create-log-reader.ts';
import { createConsumerNotes } from '../lag/consumer-notes.ts';
import { createLagBoard } from '../lag/lag-board.ts';
import { newSamplerMemory, takeSnapshot } from '../lag/take-snapshot.ts';
import { createLagLedger } from '../postgres/create-lag-ledger.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createCleanupStack } from '../runtime/cleanup-stack.ts';
import { systemClock as clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/sleep.ts';
import { shutdownSignal } from './context.ts';

/** Between the first two looks: what rates need. */
const FIRST_RATES_MS = 1_000;

export interface DirectLook {
  /** What Kafka and PostgreSQL show now; what a running bridge alone knows (waits, fuses, breakers) is missing. */
  look(): Promise<LagDocument>;
  close(): Promise<void>;
}

/** Connects with the first look, as the bridge would. */
export function lookAtLag(env: NodeJS.ProcessEnv): DirectLook {
  const closing = createCleanupStack();
  let sampler: Promise<() => Promise<LagDocument>> | undefined;

  const open = async () => {
    const settings = parseSettings(env, ['database', 'kafka']);
    const topology = await loadTopology({
      ...settings,
      shapeOf: loadContracts(settings.schemasDirs).shapeOf,
    });
    const pool = createPool({ databaseUrl: settings.databaseUrl, max: 2, onError: () => {} });
    closing.defer('the database pool', () => pool.end());
    const admin = createKafkaAdmin({
      brokers: settings.kafkaBrokers,
      sasl: settings.kafkaSasl,
      ssl: settings.kafkaSsl,
      clientId: 'eassurance-lag',
    });
    closing.defer('the Kafka admin', () => admin.close());
    const notes = createConsumerNotes(clock);
    const deps = { topology, notes, clock, groupOf: consumerGroup, ledgerWithinMs: 5_000 };
    const board = createLagBoard({ ...deps, apiOf: () => null, thresholds: AT_ONCE });
    const memory = newSamplerMemory();
    const reading = { ...deps, logs: createLogReader(admin), ledger: createLagLedger({ pool }) };
    const sample = async () => lagDocument(board.judge(await takeSnapshot(memory, reading)));
    await sample();
    await sleep(FIRST_RATES_MS, shutdownSignal);
    return sample;
  };

  return {
    look: async () => (await (sampler ??= open()))(),
    close: () => closing.unwind(),
  };
}
