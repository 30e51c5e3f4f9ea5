// Pictures of one line each; they say nothing that a word beside them does not.
import { type JSX } from 'preact';

const PATHS = {
  overview: 'M4 5h16M4 12h16M4 19h10',
  connections: 'M9 7V4m6 3V4M7 7h10v4a5 5 0 0 1-10 0zm5 9v5',
  alerts: 'M6 16V11a6 6 0 0 1 12 0v5l2 2H4zm4 5h4',
  log: 'M5 4h14v16H5zM8.5 8h7m-7 4h7m-7 4h4',
  users: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6 9c0-3.5 2.5-6 6-6s6 2.5 6 6m1-16a3.5 3.5 0 0 1 0 7m5 9c0-3-1.5-5-4-5.7',
  audit: 'M12 3l7 3v5c0 5-3 8.500-7 10-4-1.500-7-5-7-10V6zm-3 9l2.200 2.200L15.500 10',
  records: 'M5 6c0-3.500 14-3.500 14 0v12c0 3.500-14 3.500-14 0zm0 0c0 3.500 14 3.500 14 0M5 12c0 3.500 14 3.500 14 0',
  metadata: 'M8 4C5 4 6 8 6 10s-2 2-2 2 2 0 2 2-1 6 2 6m8-16c3 0 2 4 2 6s2 2 2 2-2 0-2 2 1 6-2 6',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0-5v2m0 14v2M3 12h2m14 0h2M5.600 5.600 7 7m10 10 1.400 1.400m0-12.800L17 7M7 17l-1.400 1.400',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8 8 0 1 0 10.500 10.500z',
  system: 'M4 5h16v11H4zm5 15h6m-3-4v4',
  play: 'M7 5l12 7-12 7z',
  pause: 'M8 5v14m8-14v14',
  stop: 'M6 6h12v12H6z',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  alert: 'M12 4l9 16H3zm0 6v4m0 3v.01',
  cross: 'M7 7l10 10M17 7 7 17',
  back: 'M14 6l-6 6 6 6',
  next: 'M10 6l6 6-6 6',
  down: 'M6 10l6 6 6-6',
  search: 'M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM15.500 15.500 20 20',
  history: 'M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500M12 8v4.500l3 2',
  replay: 'M20 12a8 8 0 1 1-2.500-5.800L20 8.500M20 4v4.500h-4.500',
  cursor: 'M12 3v18M8 3h8M8 21h8M3 12h5m8 0h5',
  audit2: 'M9 4h6v3H9zM6 5.500h3m6 0h3V20H6V5.500M9 13l2 2 4-4',
  key: 'M8 11.500a4 4 0 1 0 0 1M12 12h9m-3 0v3.500',
  download: 'M12 4v11m-5-5l5 5 5-5M5 20h14',
  upload: 'M12 16V5M7 10l5-5 5 5M5 20h14',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  plus: 'M12 5v14M5 12h14',
  mute: 'M6 16V11a6 6 0 0 1 9-5.200M18 11v5l2 2H8M4 4l16 16m-10 1h4',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7 8c0-4 3-6 7-6s7 2 7 6',
  out: 'M10 5H5v14h5M14 8l4 4-4 4m4-4H9',
  keyboard: 'M3 7h18v10H3zM7 10.500h.01M11 10.500h.01M15 10.500h.01M8 14h8',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The sluice gate: a sign of our own. */
export function Mark({ size = 26 }: { size?: number }): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect class="mark-ground" width="32" height="32" rx="8" />
      <path class="mark-gate" d="M9 6v20M23 6v20M9 8h14" />
      <path class="mark-door" d="M12.500 11h7v6h-7z" />
      <path class="mark-water" d="M5 21.500c2.300 0 2.300 1.600 4.600 1.600s2.300-1.600 4.600-1.600 2.300 1.600 4.600 1.600 2.300-1.600 4.600-1.600 2.300 1.600 3.600 1.600" />
    </svg>
  );
}
