// Light, dark, or as the system says. The colours themselves are custom properties in style.css.
import { cell } from './cell.ts';

export type Theme = 'light' | 'dark' | 'system';
const KEY = 'sluice.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

export const theme = cell<Theme>('system');
/** What is seen: changes with the choice and with the system. */
export const shade = cell<'light' | 'dark'>('light');

function apply(): void {
  const choice = theme.get();
  const seen = choice === 'system' ? (dark.matches ? 'dark' : 'light') : choice;
  document.documentElement.dataset['theme'] = seen;
  shade.set(seen);
}

export function startTheme(): void {
  const saved = localStorage.getItem(KEY);
  theme.set(saved === 'light' || saved === 'dark' ? saved : 'system');
  dark.addEventListener('change', apply);
  apply();
}

export function setTheme(next: Theme): void {
  localStorage.setItem(KEY, next);
  theme.set(next);
  apply();
}

/** The value of a colour of the theme, for what draws on a canvas: color('ok'). */
export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
