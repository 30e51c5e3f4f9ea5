// Who looks, and at which project.
import { type Role } from './api.ts';
import { cell, useCell } from './cell.ts';

export interface Session {
  user: string | null;
  role: Role | 'none' | null;
  csrf: string | null;
  login_required: boolean;
  setup_required: boolean;
  project: string;
  version: string;
  language: string | null;
  timezone: string;
}

export const session = cell<Session | null>(null);

const RANK: Record<string, number> = { viewer: 1, operator: 2, admin: 3 };

export function allowed(have: string | null | undefined, need: Role): boolean {
  return (RANK[have ?? ''] ?? 0) >= RANK[need]!;
}

/** May the one who looks do what needs `role`? Buttons for others are not shown; the server decides all the same. */
export function useMay(role: Role): boolean {
  return allowed(useCell(session)?.role, role);
}
