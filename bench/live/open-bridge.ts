import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { createApiKeyTable } from '../../src/postgres/create-api-key-table.ts';
import { createPrisma } from '../../src/postgres/create-prisma.ts';
import type { CleanupStack } from '../../src/runtime/cleanup-stack.ts';
import { newId } from '../../src/runtime/new-id.ts';
import { answers } from '../../tests/soak/open-world.ts';
import { createTestDatabase } from '../../tests/support/test-database.ts';
import { launchBridge, type Bridge } from '../launch-bridge.ts';
import type { Bed } from '../open-bed.ts';

/** A bridge that is ready, on a database of its own. */
export interface LiveBridge extends Bridge {
  /** Reads what it writes. */
  readonly db: pg.Pool;
  /** The secret of a key of staff, whose requests are not limited. */
  readonly staffKey: string;
}

/** The stack ends bridge and database. `fill` is called with the address of the empty database before the bridge starts. */
export async function openBridge(
  bed: Bed,
  cleanup: CleanupStack,
  fill?: (databaseUrl: string) => Promise<void>,
): Promise<LiveBridge> {
  const database = await createTestDatabase(bed.services.databaseUrl);
  cleanup.defer('the database', () => database.drop());
  const db = new pg.Pool({ connectionString: database.url, max: 2 });
  db.on('error', () => {});
  cleanup.defer('the reader of the database', () => db.end());
  const staffKey = await createStaffKey(db);
  await fill?.(database.url);
  const env = { ...bed.env, HTTP_REQUESTS_PER_MINUTE: '100000000' };
  const bridge = await launchBridge('bridge', database.url, { ...bed, env }, cleanup);
  await bridge.until(() => answers(`${bridge.url}/health/ready`));
  return { ...bridge, db, staffKey };
}

async function createStaffKey(db: pg.Pool): Promise<string> {
  const secret = `eak_${randomBytes(32).toString('base64url')}`;
  const secretHash = createHash('sha256').update(secret).digest('hex');
  const keys = createApiKeyTable({ pool: db, prisma: createPrisma(db), newId });
  await keys.create({ owner: 'bench', scope: 'staff', provider: null, secretHash, by: 'bench' });
  return secret;
}
