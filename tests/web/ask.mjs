// Asking the API beside a story.
import assert from 'node:assert/strict';

/** The answer's JSON. `wish`: {method, body}; a session of this machine is opened for what changes something. */
export async function ask(world, path, wish) {
  if (!wish) return (await fetch(world.url + path)).json();
  world.csrf ??= (await ask(world, '/api/v1/session')).csrf;
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': world.csrf, Origin: world.url };
  return (await fetch(world.url + path, { method: wish.method, headers, body: JSON.stringify(wish.body) })).json();
}

/** Asks until what comes back is so, at most 30 s. */
export async function until(what, look, holds) {
  const end = Date.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (Date.now() > end) assert.fail(`${what}: ${JSON.stringify(seen).slice(0, 500)}`);
    await new Promise((again) => setTimeout(again, 100));
  }
}
