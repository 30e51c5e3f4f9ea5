// Bundles the dashboard: node build.mjs --out DIR [--c FILE]. DIR gets the files with the hash of their content in their
// names; FILE gets all of them as an array of struct asset (src/server/asset.h), each plain and gzipped. Prints the size.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const LIMIT = 150 * 1024;
const TYPES = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml' };

function argument(name) {
  const at = process.argv.indexOf(name);
  return at > 0 ? process.argv[at + 1] : undefined;
}

async function bundle(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(join(out, 'assets'), { recursive: true });
  const done = await build({
    absWorkingDir: here,
    entryPoints: { main: 'src/main.tsx', style: 'src/style.css' },
    outdir: join(out, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    metafile: true,
    logLevel: 'warning',
  });
  const named = Object.fromEntries(
    Object.entries(done.metafile.outputs).filter(([, o]) => o.entryPoint).map(([path, o]) => [basename(o.entryPoint), `/assets/${basename(path)}`]),
  );
  const icon = readFileSync(join(here, 'src/icon.svg'));
  const iconName = `/assets/icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8)}.svg`;
  writeFileSync(join(out, iconName), icon);
  // what the first page needs is asked for at once, not when main.js has been read
  const first = Object.entries(done.metafile.outputs).find(([, o]) => o.entryPoint === 'src/main.tsx');
  const early = first[1].imports.filter((i) => i.kind === 'import-statement').map((i) => `<link rel="modulepreload" href="/assets/${basename(i.path)}">`);
  const html = readFileSync(join(here, 'src/index.html'), 'utf8')
    .replace('@icon@', iconName)
    .replace('@style@', named['style.css'])
    .replace('@main@', named['main.tsx'])
    .replace('</head>', `${early.join('\n')}${early.length ? '\n' : ''}</head>`);
  writeFileSync(join(out, 'index.html'), html);
}

export function assets(out) {
  const names = ['index.html', ...readdirSync(join(out, 'assets')).sort().map((n) => `assets/${n}`)];
  return names.map((name) => {
    const plain = readFileSync(join(out, name));
    const type = TYPES[name.slice(name.lastIndexOf('.'))];
    return {
      path: `/${name}`,
      type,
      plain,
      gzip: gzipSync(plain, { level: 9 }),
      etag: createHash('sha256').update(plain).digest('hex').slice(0, 16),
    };
  });
}

function bytes(data) {
  const lines = [];
  for (let i = 0; i < data.length; i += 32) lines.push(`    ${[...data.subarray(i, i + 32)].join(',')},`);
  return lines.join('\n');
}

function c(list) {
  const parts = ['/* Made by web/build.mjs: the dashboard. */', '#include "server/asset.h"', ''];
  list.forEach((a, i) => {
    parts.push(`static const unsigned char plain_${i}[] = {\n${bytes(a.plain)}\n};`);
    parts.push(`static const unsigned char gzip_${i}[] = {\n${bytes(a.gzip)}\n};`);
  });
  parts.push('', 'const struct asset web_assets[] = {');
  list.forEach((a, i) => {
    parts.push(`    {"${a.path}", "${a.type}", "\\"${a.etag}\\"", gzip_${i}, sizeof gzip_${i}, plain_${i}, sizeof plain_${i}},`);
  });
  parts.push('};', 'const size_t n_web_assets = sizeof web_assets / sizeof *web_assets;', '');
  return parts.join('\n');
}

const out = argument('--out');
if (out) {
  await bundle(out);
  const list = assets(out);
  const file = argument('--c');
  if (file) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, c(list));
  }
  const total = list.reduce((sum, a) => sum + a.gzip.length, 0);
  console.log(`dashboard: ${list.length} files, ${(total / 1024).toFixed(1)} KiB gzipped (at most ${LIMIT / 1024}) in ${relative(process.cwd(), out) || '.'}`);
  if (total > LIMIT) {
    console.error('dashboard: too large');
    process.exit(1);
  }
}
