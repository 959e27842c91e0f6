import { choosePorts } from '../../src/embedded/choose-ports.ts';

/** A port of 127.0.0.1 that was free a moment ago; for programs that can't listen on port 0. */
export async function freePort(): Promise<number> {
  const [port] = await choosePorts([{ name: 'a test' }]);
  return port!;
}
