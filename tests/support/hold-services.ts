/** A program that starts the embedded services in the state folder of its first argument, prints their addresses as one
 *  JSON line and waits to be killed. */
import { once } from 'node:events';
import { startServices } from '../../src/embedded/start-services.ts';

const services = await startServices({
  stateDir: process.argv[2]!,
  providerIds: ['saa'],
  env: process.env,
  onProgress: () => {},
});
console.log(JSON.stringify({ env: services.env, kafka: services.kafka }));
await once(process.stdin.resume(), 'end');
await services.stop();
