import type { Side } from './compare-sides.ts';
import type { Demo } from './start-demo.ts';

/** Where everything is, and three things to try. The key is made for this run and ends with the next. */
export function printAddresses({ bridgeUrl, staffKey }: Demo, sides: readonly Side[]): void {
  const constat = sides.find((side) => side.kind === 'constat' && side.ours !== null);
  const one = `${bridgeUrl}/v1/constats/${constat?.id}`;
  console.log(`
API      ${bridgeUrl}/v1/constats
Docs     ${bridgeUrl}/docs
Metrics  ${bridgeUrl}/metrics
Health   ${bridgeUrl}/health/ready

Three things to try:

  export KEY=${staffKey}
  curl -s -H "X-API-Key: $KEY" '${bridgeUrl}/v1/constats?provider=saa&limit=5'
  curl -s -H "X-API-Key: $KEY" ${one}/history
  curl -s -X PATCH -H "X-API-Key: $KEY" -H 'Content-Type: application/merge-patch+json' \\
       -H 'Base-Revision: "${constat?.ours}"' -d '{"statusReason":"Rappeler l'\\''assuré"}' ${one}

Ctrl-C stops everything; the data stays for the next run (--fresh forgets it).`);
}
