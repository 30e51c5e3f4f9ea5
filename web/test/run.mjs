// Runs the unit tests: each test/*.test.ts is bundled (the sources are TypeScript) and run by node's own test runner.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'sluice-web-'));
const tests = readdirSync(here).filter((name) => name.endsWith('.test.ts'));
await build({
  entryPoints: tests.map((name) => join(here, name)),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node18',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
});
run({ files: tests.map((name) => join(out, name.replace(/ts$/, 'mjs'))) })
  .on('test:fail', () => (process.exitCode = 1))
  .on('end', () => rmSync(out, { recursive: true, force: true }))
  .compose(new spec())
  .pipe(process.stdout);
