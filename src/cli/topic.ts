import Table from 'cli-table3';
import { Command } from 'commander';
import { createTopicControl, type ControlResult, type TopicControl } from '../apply/control-topics.ts';
import { loadContracts } from '../avro/load-contracts.ts';
import { parseSettings } from '../config/env.ts';
import { loadTopology } from '../config/load-topology.ts';
import { listCodes } from '../domain/describe-pause.ts';
import { UsageError } from '../domain/errors.ts';
import { parseSkipTarget } from '../domain/skip-target.ts';
import { createKafkaAdmin } from '../kafka/create-kafka-admin.ts';
import { createTopicInspector } from '../kafka/create-topic-inspector.ts';
import type { TopicPause } from '../ports.ts';
import { createPool } from '../postgres/create-pool.ts';
import { createPrisma } from '../postgres/create-prisma.ts';
import { createStore } from '../postgres/create-store.ts';
import { createTopicFuseTable } from '../postgres/create-topic-fuse-table.ts';
import { requireMigrated } from '../postgres/require-migrated.ts';

/** `bridge topic list|pause|resume`: which topics stand still and why, straight from the database; running bridges notice
 *  within seconds. Kafka is asked only when positions are to move. */
export function topicCommand(): Command {
  const command = new Command('topic').description('see which topics stand still, pause one, let one go on');
  command
    .command('list')
    .description('every topic that the bridge reads: running, or why it stands still and since when')
    .option('--paused', 'only those that stand still')
    .option('--json', 'print JSON')
    .action((options: { readonly paused?: boolean; readonly json?: boolean }) =>
      withControl(async (control) => {
        const topics = (await control.list()).filter(({ pause }) => !options.paused || pause !== null);
        if (options.json) return console.log(JSON.stringify(topics, null, 2));
        const table = new Table({ head: ['topic', 'state', 'since', 'why'], style: { head: [] } });
        for (const { topic, pause } of topics)
          table.push(pause ? [topic, ...rowOf(pause)] : [topic, 'running', '', '']);
        console.log(table.toString());
      }),
    );
  command
    .command('pause')
    .description('stop reading one topic; nothing of it is lost, and the other topics go on')
    .argument('<name>', 'the topic, such as saa-constat.created')
    .requiredOption('--reason <text>', 'why; kept in the audit')
    .requiredOption('--by <person>', 'your name; kept in the audit')
    .action((topic: string, { reason, by }: { readonly reason: string; readonly by: string }) =>
      withControl(async (control) => {
        settled(topic, await control.pause(topic, nameOf(by), reason));
        console.log(`${topic} stands still; \`bridge topic resume ${topic}\` lets it go on`);
      }),
    );
  command
    .command('resume')
    .description('let a topic go on that stands still: from where it stopped, or from further ahead')
    .argument('<name>', 'the topic, as `bridge topic list` shows it')
    .requiredOption('--by <person>', 'your name; kept in the audit')
    .option(
      '--skip-to <where>',
      'leave records out: `end`, an instant such as 2026-05-10T06:30:00Z, or <partition>:<offset>[,…]',
    )
    .action((topic: string, { by, skipTo }: { readonly by: string; readonly skipTo?: string }) =>
      withControl(async (control) => {
        const skips = settled(topic, await control.resume(topic, nameOf(by), targetOf(skipTo)));
        for (const { partition, from, to } of skips)
          console.log(`${topic}/${partition}: ${to - from} records left out, from ${from} up to ${to - 1n}`);
        console.log(`${topic} goes on`);
      }),
    );
  return command;
}

function rowOf({ by, sinceMs, codes, counted, reason }: TopicPause): readonly string[] {
  const since = new Date(sinceMs).toISOString().slice(0, 19).replace('T', ' ');
  return by === null
    ? ['FUSE_BLOWN', since, `${listCodes(codes)} among ${counted} records`]
    : ['paused', since, `${by}: ${reason ?? ''}`];
}

function settled(topic: string, result: ControlResult) {
  if (result.status === 'done') return result.skips;
  throw new UsageError(
    result.status === 'unknown' ? `there is no topic ${topic}: see \`bridge topic list\`` : result.reason,
  );
}

function targetOf(text: string | undefined) {
  if (text === undefined) return null;
  const target = parseSkipTarget(text);
  if (target !== null) return target;
  throw new UsageError(
    '--skip-to is none of: end, an instant with its zone (2026-05-10T06:30:00Z), <partition>:<offset>',
  );
}

function nameOf(by: string): string {
  const name = by.trim();
  if (name === '' || name.length > 200) throw new UsageError('--by must have 1 to 200 characters: your name');
  return name;
}

async function withControl(work: (control: TopicControl) => Promise<void>): Promise<void> {
  const settings = parseSettings(process.env, ['database', 'kafka']);
  const topology = await loadTopology({ ...settings, shapeOf: loadContracts(settings.schemasDirs).shapeOf });
  const pool = createPool({ databaseUrl: settings.databaseUrl, max: 2, onError: () => {} });
  const { kafkaBrokers: brokers, kafkaSasl: sasl, kafkaSsl: ssl } = settings;
  const admin = createKafkaAdmin({ brokers, sasl, ssl, clientId: 'eassurance-topic' });
  try {
    await requireMigrated(pool, settings.migrationsDirs);
    const inspector = createTopicInspector(admin);
    const table = createTopicFuseTable({ prisma: createPrisma(pool) });
    const positions = createStore({ pool });
    await work(createTopicControl({ topology, table, positions, inspector, offsets: inspector }));
  } finally {
    await admin.close();
    await pool.end();
  }
}
