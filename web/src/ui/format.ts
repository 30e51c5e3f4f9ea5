// Numbers, times and durations as people read them, in the project's zone and the language of the moment.
import { type Language } from '../i18n.ts';

const cache = new Map<string, Intl.DateTimeFormat>();
let zone = 'UTC';
let skew_ms = 0;

/** The project's zone (IANA name or offset); one that the browser does not know is shown as UTC. */
export function setZone(name: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    zone = name;
  } catch {
    zone = 'UTC';
  }
  cache.clear();
}

/** What the server takes as the time of the moment; ages are counted by its clock. */
export function setNow(server: string | undefined): void {
  const at = server ? Date.parse(server) : NaN;
  if (!Number.isNaN(at)) skew_ms = at - Date.now();
}

export function now(): number {
  return Date.now() + skew_ms;
}

function parts(at: number): Record<string, string> {
  let format = cache.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    cache.set(zone, format);
  }
  const found: Record<string, string> = {};
  for (const part of format.formatToParts(at)) found[part.type] = part.value;
  return found;
}

function instant(value: string | number | null | undefined): number | null {
  if (value === null || value === undefined || value === '') return null;
  const at = typeof value === 'number' ? value : Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

const DASH = '–';

/** 2026-11-02 14:05:09 */
export function time(value: string | number | null | undefined): string {
  const at = instant(value);
  if (at === null) return typeof value === 'string' && value ? value : DASH;
  const p = parts(at);
  return `${p['year']}-${p['month']}-${p['day']} ${p['hour']}:${p['minute']}:${p['second']}`;
}

/** 14:05:09 of today, 11-02 14:05 of this year, else the date. */
export function shortTime(value: string | number | null | undefined, at_now = now()): string {
  const at = instant(value);
  if (at === null) return typeof value === 'string' && value ? value : DASH;
  const p = parts(at);
  const today = parts(at_now);
  if (p['year'] !== today['year']) return `${p['year']}-${p['month']}-${p['day']}`;
  if (p['month'] === today['month'] && p['day'] === today['day']) return `${p['hour']}:${p['minute']}:${p['second']}`;
  return `${p['month']}-${p['day']} ${p['hour']}:${p['minute']}`;
}

/** 14:05:09 */
export function clock(value: string | number): string {
  const at = instant(value);
  if (at === null) return DASH;
  const p = parts(at);
  return `${p['hour']}:${p['minute']}:${p['second']}`;
}

const UNITS: Record<Language, readonly [string, string, string, string, string]> = {
  en: [' ms', ' s', ' min', ' h', ' d'],
  zh: ['毫秒', '秒', '分', '小时', '天'],
};

/** 850 ms, 12 s, 4 min, 3 h 20 min, 12 d: two units at most. */
export function duration(ms: number | null | undefined, language: Language): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return DASH;
  const [u_ms, u_s, u_min, u_h, u_d] = UNITS[language];
  const gap = language === 'zh' ? '' : ' ';
  const whole = Math.max(0, Math.round(ms));
  if (whole === 0) return '0';
  if (whole < 1000) return `${whole}${u_ms}`;
  const s = Math.round(whole / 1000);
  if (s < 60) return `${whole < 10_000 && whole % 1000 ? (whole / 1000).toFixed(1) : s}${u_s}`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 && min < 10 ? `${min}${u_min}${gap}${s % 60}${u_s}` : `${min}${u_min}`;
  const h = Math.floor(min / 60);
  if (h < 24) return min % 60 ? `${h}${u_h}${gap}${min % 60}${u_min}` : `${h}${u_h}`;
  const d = Math.floor(h / 24);
  return h % 24 && d < 7 ? `${d}${u_d}${gap}${h % 24}${u_h}` : `${d}${u_d}`;
}

/** How long ago, by the server's clock. */
export function since(value: string | number | null | undefined, language: Language): string {
  const at = instant(value);
  if (at === null) return DASH;
  const gone = now() - at;
  if (Math.abs(gone) < 1000) return language === 'zh' ? '刚刚' : 'just now';
  const text = duration(Math.abs(gone), language);
  if (gone < 0) return language === 'zh' ? `${text}后` : `in ${text}`;
  return language === 'zh' ? `${text}前` : `${text} ago`;
}

/** 1,234,567 */
export function number(value: number | null | undefined): string {
  return value === null || value === undefined ? DASH : value.toLocaleString('en-US', { maximumFractionDigits: 1 });
}

/** 987, 12.3k, 4.56M; in Chinese 1.23万, 4.56亿. */
export function compact(value: number | null | undefined, language: Language): string {
  if (value === null || value === undefined) return DASH;
  const steps: readonly (readonly [number, string])[] =
    language === 'zh' ? [[1e8, '亿'], [1e4, '万']] : [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']];
  for (const [size, unit] of steps)
    if (Math.abs(value) >= size) {
      const scaled = value / (unit === 'k' ? 1e3 : size);
      return `${scaled.toFixed(scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)}${unit}`;
    }
  return number(value);
}

/** 1.5 MiB */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return DASH;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** The value of <input type="datetime-local"> for an instant, in the project's zone. */
export function toField(at: number): string {
  const p = parts(at);
  return `${p['year']}-${p['month']}-${p['day']}T${p['hour']}:${p['minute']}:${p['second']}`;
}

/** What the API takes for such a value: a time of the project's zone, as on the command line. */
export function fromField(value: string): string {
  const text = value.replace('T', ' ');
  return text.length === 16 ? `${text}:00` : text;
}
