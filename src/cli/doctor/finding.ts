import { BridgeError } from '../../domain/errors.ts';

/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly status: 'pass' | 'warn' | 'fail';
  /** Names what is right or wrong; never a secret. */
  readonly sentence: string;
  /** What to do or type; null when nothing needs to be done. */
  readonly fix: string | null;
}

/** Changes nothing, and may throw: whatever it throws is a finding. */
export interface Check {
  readonly name: string;
  readonly run: () => Promise<readonly Finding[]>;
}

const WITHIN_MS = 15_000;

export const pass = (name: string, sentence: string): Finding => ({
  name,
  status: 'pass',
  sentence,
  fix: null,
});
export const warn = (name: string, sentence: string, fix: string): Finding => ({
  ...{ name, status: 'warn', sentence, fix },
});
export const fail = (name: string, sentence: string, fix: string): Finding => ({
  ...{ name, status: 'fail', sentence, fix },
});

/** All of them at once, each with a deadline; the findings in the order of the checks. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Finding[]> {
  return (await Promise.all(checks.map(runCheck))).flat();
}

async function runCheck({ name, run }: Check): Promise<readonly Finding[]> {
  const late = Promise.withResolvers<readonly Finding[]>();
  const timer = setTimeout(
    () =>
      late.resolve([
        fail(name, `No answer within ${WITHIN_MS / 1000} s.`, 'look at its log and at the network'),
      ]),
    WITHIN_MS,
  );
  try {
    return await Promise.race([run(), late.promise]);
  } catch (error) {
    const known = error instanceof BridgeError;
    const message = error instanceof Error ? error.message : String(error);
    return [
      fail(
        name,
        sentence(message),
        known ? 'mend that, then run bridge doctor again' : 'report this as a bug',
      ),
    ];
  } finally {
    clearTimeout(timer);
  }
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/\.$/, '');
  return `${trimmed.slice(0, 1).toUpperCase()}${trimmed.slice(1)}.`;
}
