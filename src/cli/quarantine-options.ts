import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Operator } from '../apply/retry-quarantined.ts';
import { UsageError } from '../domain/errors.ts';

export interface ByOption {
  readonly by: string;
}

/** `--by`, the operating system's user unless said otherwise. */
export function by(command: Command): Command {
  return command.option('--by <person>', 'your name, for the audit', userInfo().username);
}

export function operatorOf({ by: given }: ByOption): Operator {
  return { name: bounded('--by', given, 200, 'your name'), via: `command line of ${userInfo().username}` };
}

export function reasonOf({ reason }: { readonly reason: string }): string {
  return bounded('--reason', reason, 500, 'why?');
}

function bounded(option: string, given: string, most: number, what: string): string {
  const text = given.trim();
  if (text === '' || text.length > most)
    throw new UsageError(`${option} must have 1 to ${most} characters: ${what}`);
  return text;
}

export function print(asJson: boolean | undefined, document: unknown, text: () => string): void {
  console.log(asJson ? JSON.stringify(document, null, 2) : text());
}
