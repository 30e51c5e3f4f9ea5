// A development tool: serves the bundle with the headers of the real server and answers the API from dev/fixtures.mjs, so
// that a page can be worked on without a project. node dev/server.mjs [--port N] [--watch] [--login] [--setup]
// The tests do not use it: they run against `sluice serve`.
import { createServer } from 'node:http';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, state, subscribe } from './fixtures.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const option = (name) => process.argv.includes(name);
const port = Number(process.argv[process.argv.indexOf('--port') + 1]) || 8421;
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html; charset=utf-8' };

function bundle() {
  try {
    execFileSync(process.execPath, [join(root, 'build.mjs'), '--out', dist], { stdio: 'inherit' });
  } catch {
    console.error('the bundle is not renewed');
  }
}

bundle();
if (option('--watch')) {
  let timer;
  watch(join(root, 'src'), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(bundle, 150);
  });
}
state.login = option('--login');
state.setup = option('--setup');

function read(request) {
  return new Promise((resolve) => {
    let text = '';
    request.on('data', (chunk) => (text += chunk));
    request.on('end', () => resolve(text ? JSON.parse(text) : {}));
  });
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  if (url.pathname === '/api/v1/events') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const stop = subscribe((name, data, id) => response.write(`id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`));
    request.on('close', stop);
    return;
  }
  if (url.pathname.startsWith('/api/')) {
    const body = request.method === 'GET' ? {} : await read(request);
    const { status = 200, json, text, type } = answer(request.method, decodeURIComponent(url.pathname.slice(7)), url.searchParams, body);
    response.writeHead(status, { 'Content-Type': type ?? 'application/json', 'Cache-Control': 'no-store' });
    response.end(text ?? JSON.stringify(json ?? {}));
    return;
  }
  const wanted = join(dist, url.pathname.startsWith('/assets/') ? url.pathname : 'index.html');
  if (!existsSync(wanted)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': TYPES[wanted.split('.').pop()] ?? 'application/octet-stream', 'Content-Security-Policy': CSP });
  response.end(readFileSync(wanted));
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
