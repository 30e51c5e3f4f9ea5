// What a page builds with: import { Page, Table, … } from '../ui/index.ts'.
export * from './badge.tsx';
export * from './chart.tsx';
export * from './dialog.tsx';
export * from './empty.tsx';
export * from './form.tsx';
export * as format from './format.ts';
export * from './icons.tsx';
export * from './keys.ts';
export * from './layout.tsx';
export * from './spark.tsx';
export * from './table.tsx';
export * from './tabs.tsx';
export * from './toast.tsx';
