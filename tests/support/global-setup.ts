import type { TestProject } from 'vitest/node';
import { startTestServices } from './start-test-services.ts';
import type { TestServices } from './start-test-services.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Superuser's, to a server on which tests make their own databases. */
    databaseUrl: string;
    kafkaBrokers: string[];
    /** Kafka's super user. */
    kafkaAdmin: { username: string; password: string };
    /** The Confluent-compatible API. */
    registryUrl: string;
  }
}

/** Vitest runs this once for each project and loads it anew each time; the services are shared by all of them. */
interface Shared {
  users: number;
  readonly services: Promise<TestServices>;
}
const holder = globalThis as { eassuranceTestServices?: Shared };

/** Gives every project the addresses of one set of real services, and stops them after the last. */
export default async function globalSetup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (holder.eassuranceTestServices ??= { users: 0, services: startTestServices(process.env) });
  shared.users += 1;
  const { databaseUrl, kafkaBrokers, kafkaAdmin, registryUrl, stop } = await shared.services;
  project.provide('databaseUrl', databaseUrl);
  project.provide('kafkaBrokers', kafkaBrokers);
  project.provide('kafkaAdmin', kafkaAdmin);
  project.provide('registryUrl', registryUrl);
  return async () => {
    shared.users -= 1;
    if (shared.users === 0) await stop();
  };
}
