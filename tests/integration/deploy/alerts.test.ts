import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { METRIC_NAMES } from '../../../src/telemetry/metrics.ts';
import { installPromtool } from '../../support/install-promtool.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../../..');
const folder = path.join(root, 'deploy/prometheus');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook_url: string };
}

async function readRules(): Promise<readonly Rule[]> {
  const text = await readFile(path.join(folder, 'alerts.yaml'), 'utf8');
  const { groups } = parse(text, { merge: true }) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

describe('the alert rules', () => {
  it('are understood by Prometheus, and fire when they should and not before', async () => {
    const promtool = await installPromtool();
    const checked = await run(promtool, ['check', 'rules', 'alerts.yaml'], { cwd: folder });
    expect(checked.stdout).toContain('SUCCESS');
    const tested = await run(promtool, ['test', 'rules', 'alerts.test.yaml'], { cwd: folder });
    expect(tested.stdout).toContain('SUCCESS');
  });

  it('are all tested', async () => {
    const tests = await readFile(path.join(folder, 'alerts.test.yaml'), 'utf8');
    for (const { alert } of await readRules()) {
      expect(tests).toMatch(new RegExp(`alertname: ${alert}\\n[^\\n]*\\n\\s+exp_alerts: \\[\\]`));
      expect(tests).toMatch(new RegExp(`alertname: ${alert}\\n[^\\n]*\\n\\s+exp_alerts:\\n`));
    }
  });

  it('watch only metrics that the bridge has', async () => {
    const named = (await readRules()).flatMap(({ expr }) => expr.match(/\bbridge_[a-z_]+/g) ?? []);
    expect(named.filter((name) => !METRIC_NAMES.includes(name))).toEqual([]);
  });

  it('lead to a section of the runbook each', async () => {
    const runbook = await readFile(path.join(root, 'docs/runbook.md'), 'utf8');
    const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    const missing = (await readRules())
      .map(({ annotations }) => annotations.runbook_url.split('#')[1]!)
      .filter((anchor) => !anchors.includes(anchor));
    expect(missing).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('asks only what Prometheus understands, of metrics that the bridge has', async () => {
    const { panels } = JSON.parse(await readFile(path.join(root, 'deploy/grafana/bridge.json'), 'utf8')) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(asked.length).toBeGreaterThan(20);
    const named = asked.flatMap((expr) => expr.match(/\bbridge_[a-z_]+/g) ?? []);
    const known = (name: string) =>
      METRIC_NAMES.includes(name) || METRIC_NAMES.includes(name.replace(/_(bucket|count|sum)$/, ''));
    expect(named.filter((name) => !known(name))).toEqual([]);

    const dir = await mkdtemp(path.join(tmpdir(), 'dashboard-'));
    try {
      const rules = asked.map((expr, i) => ({
        record: `panel:${i}`,
        expr: expr.replaceAll('$provider', '.*').replaceAll('$__rate_interval', '1m'),
      }));
      await writeFile(path.join(dir, 'rules.yaml'), stringify({ groups: [{ name: 'panels', rules }] }));
      const checked = await run(await installPromtool(), ['check', 'rules', 'rules.yaml'], { cwd: dir });
      expect(checked.stdout).toContain(`SUCCESS: ${asked.length} rules found`);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
