// What the sources expect of a browser when they are loaded, for tests of what is pure in them.
const global = globalThis as Record<string, unknown>;
global['matchMedia'] = () => ({ matches: false, addEventListener: () => undefined });
global['addEventListener'] ??= () => undefined;
