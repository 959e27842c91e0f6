import { sleep } from '../runtime/sleep.ts';
import { isAway, loadKafkajs, prototypeOf } from './kafkajs-internals.ts';
import { kafkaErrorType } from './translate-error.ts';

interface Broker {
  readonly nodeId: number;
}
interface ConsumerGroup {
  readonly groupId: string;
  readonly sessionTimeout: number;
  /** When the coordinator last took a heartbeat. */
  readonly lastRequest: number;
  readonly offsetManager: { coordinator: Broker } | null;
  readonly cluster: {
    findGroupCoordinatorMetadata(group: {
      readonly groupId: string;
    }): Promise<{ readonly coordinator: Broker }>;
    findBroker(broker: Broker): Promise<Broker>;
  };
  coordinator: Broker;
  heartbeat: (options: { readonly interval: number }) => Promise<void>;
}

/** The coordinator is another broker now, or will be as soon as one is elected and has read the group. */
const MOVING = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]);
const ASK_AGAIN_MS = 1_000;
let mended = false;

/** kafkajs 2.2.4 takes a coordinator that is away for the end of reading: its heartbeat fails, all fetching with it, until
 *  a new consumer joins, which waits until the session of the old one has lapsed. After this call the coordinator is looked
 *  up again, every second, while reading goes on; only when no heartbeat was taken for a whole session the error gets out.
 *  Reading meanwhile is safe, since no offset that the group keeps decides anything: positions are PostgreSQL's. */
export function mendCoordinator(): void {
  if (mended) return;
  const group = prototypeOf<ConsumerGroup>(loadKafkajs('consumer/consumerGroup.js'), 'heartbeat');
  const { heartbeat } = group;
  const searching = new WeakSet<ConsumerGroup>();
  group.heartbeat = async function (this: ConsumerGroup, options) {
    if (searching.has(this) && !hasLapsed(this)) return;
    try {
      await heartbeat.call(this, options);
    } catch (error) {
      if (!isAwayOrMoving(error) || hasLapsed(this)) throw error;
      searching.add(this);
      void findCoordinator(this).finally(() => searching.delete(this));
    }
  };
  mended = true;
}

/** One search, and a pause before the next one; never rejects. */
async function findCoordinator(group: ConsumerGroup): Promise<void> {
  const { cluster, groupId } = group;
  try {
    const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId });
    group.coordinator = await cluster.findBroker(coordinator);
    if (group.offsetManager !== null) group.offsetManager.coordinator = group.coordinator;
  } catch {
    // The next heartbeat fails as this one did, and tells.
  }
  await sleep(ASK_AGAIN_MS);
}

const hasLapsed = ({ lastRequest, sessionTimeout }: ConsumerGroup): boolean =>
  Date.now() - lastRequest > sessionTimeout;

const isAwayOrMoving = (error: unknown): boolean => isAway(error) || MOVING.has(kafkaErrorType(error) ?? '');
