// 24 hours in the height of a line of text.
import { type JSX } from 'preact';
import { number } from './format.ts';

export function Spark({ values, label, width = 96, height = 22 }: { values: readonly number[]; label: string; width?: number; height?: number }): JSX.Element {
  const most = Math.max(1, ...values);
  const step = width / Math.max(1, values.length);
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="img" aria-label={`${label}: ${number(values.reduce((a, b) => a + b, 0))}`}>
      {values.map((v, i) => {
        const tall = v > 0 ? Math.max(1.5, (v / most) * (height - 1)) : 1;
        return <rect key={i} class={v > 0 ? 'spark-bar' : 'spark-none'} x={i * step} y={height - tall} width={Math.max(1, step - 1.2)} height={tall} rx="0.8" />;
      })}
    </svg>
  );
}
