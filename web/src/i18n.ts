// Two tables of strings, one type: a key that one language lacks does not compile. A page keeps its own table beside it.
import { cell, useCell } from './cell.ts';

export type Language = 'zh' | 'en';
type Text = string | ((...args: never[]) => string);
type Table = Record<string, Text>;
/** The same keys, and functions of the same arguments. */
type Same<T extends Table> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string ? (...args: A) => string : string;
};
export interface Strings<T extends Table> {
  readonly en: Same<T>;
  readonly zh: Same<T>;
}

const KEY = 'sluice.language';

export function preferred(saved: string | null, languages: readonly string[]): Language {
  if (saved === 'zh' || saved === 'en') return saved;
  return languages[0]?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

export const language = cell<Language>('en');

export function startLanguage(): void {
  setLanguage(preferred(localStorage.getItem(KEY), navigator.languages), false);
}

export function setLanguage(next: Language, remember = true): void {
  if (remember) localStorage.setItem(KEY, next);
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  language.set(next);
}

/** strings(english, chinese): the table of one page. */
export function strings<T extends Table>(en: T, zh: Same<T>): Strings<T> {
  return { en: en as unknown as Same<T>, zh };
}

/** The table in the language of the moment; the component is drawn again when that changes. */
export function useStrings<T extends Table>(tables: Strings<T>): Same<T> {
  return tables[useCell(language)];
}
