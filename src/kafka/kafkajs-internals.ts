import { createRequire } from 'node:module';

/** A module of kafkajs that it does not export. What is built on it holds for the installed version alone. */
export const loadKafkajs = (file: string): unknown => createRequire(import.meta.url)(`kafkajs/src/${file}`);

/** The prototype of a loaded class, to have `method` replaced. Throws when there is no such method, so that an upgrade of
 *  kafkajs can't quietly undo a repair. */
export function prototypeOf<T extends object>(loaded: unknown, method: keyof T & string): T {
  const { prototype } = loaded as { readonly prototype?: T };
  if (typeof prototype?.[method] === 'function') return prototype;
  throw new Error(`this kafkajs has no ${method}: check whether what mends it is still needed`);
}

/** True when a broker could not be reached. kafkajs has asked for its metadata anew when it throws one of these. */
export function isAway(error: unknown): boolean {
  return error instanceof Error && AWAY.has(error.name);
}
const AWAY = new Set(['KafkaJSConnectionError', 'KafkaJSConnectionClosedError', 'KafkaJSBrokerNotFound']);
