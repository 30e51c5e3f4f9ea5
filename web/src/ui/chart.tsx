// uPlot in the colours of the theme. The library is loaded with the first chart, not with the shell.
import { type JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { useCell } from '../cell.ts';
import { language } from '../i18n.ts';
import { color, shade } from '../theme.ts';
import { time } from './format.ts';
import { common } from './strings.ts';

export interface Line {
  label: string;
  /** A custom property of the theme: "accent", "ok", "warn", "bad". */
  tone: string;
  values: readonly (number | null)[];
  bars?: boolean;
}

interface ChartProps {
  label: string;
  /** Seconds since 1970, ascending. */
  at: readonly number[];
  lines: readonly Line[];
  format: (value: number) => string;
  height?: number;
  /** Gives the range that was drawn with the mouse, in seconds. */
  onRange?: (from: number, to: number) => void;
}

/** 14:05, or the day where steps are days or the day begins. */
function tick(at_s: number, step_s: number): string {
  const [day, minute] = time(at_s * 1000).split(' ') as [string, string];
  return step_s >= 86_400 || minute.startsWith('00:00') ? day.slice(5) : minute.slice(0, 5);
}

/** Where a value has none beside it: no line would show it. */
export function alone(values: ArrayLike<number | null | undefined>): number[] {
  const found: number[] = [];
  const has = (i: number): boolean => values[i] !== null && values[i] !== undefined;
  for (let i = 0; i < values.length; i++) if (has(i) && !has(i - 1) && !has(i + 1)) found.push(i);
  return found;
}

function options(Plot: typeof uPlot, props: ChartProps, width: number): uPlot.Options {
  const strings = common[language.get()];
  const axis = { stroke: color('muted'), grid: { stroke: color('line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
  return {
    width,
    height: props.height ?? 150,
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: Boolean(props.onRange), y: false, setScale: false }, points: { size: 6 } },
    legend: { live: true, markers: { width: 0, fill: (_, i) => color(props.lines[i - 1]?.tone ?? 'muted') } },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 24, space: 84, values: (_, ticks, __, ___, step) => ticks.map((t) => tick(t, step)) },
      { ...axis, size: 74, values: (_, ticks) => ticks.map((t) => props.format(t)) },
    ],
    series: [
      { label: strings.time, value: (_, v) => (v === null ? '–' : time(v * 1000)) },
      ...props.lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: color(line.tone),
        width: line.bars ? 0 : 1.6,
        fill: line.bars ? color(line.tone) : `color-mix(in srgb, ${color(line.tone)} 12%, transparent)`,
        paths: line.bars ? Plot.paths.bars!({ size: [0.7, 24] }) : Plot.paths.linear!(),
        points: { show: !line.bars, size: 5, fill: color(line.tone), filter: (plot, index) => (line.bars ? [] : alone(plot.data[index]!)) },
        spanGaps: false,
        value: (_, v) => (v === null ? '–' : props.format(v)),
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width > 4) props.onRange?.(plot.posToVal(plot.select.left, 'x'), plot.posToVal(plot.select.left + plot.select.width, 'x'));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** A chart with its values as text for those who do not see it. */
export function Chart(props: ChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const seen = useCell(shade);
  const words = useCell(language);
  const data = [props.at, ...props.lines.map((l) => l.values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const shape = props.lines.map((l) => `${l.label}/${l.tone}`).join('|');
  useEffect(() => {
    let gone = false;
    const resized = new ResizeObserver(() => host.current && plot.current?.setSize({ width: host.current.clientWidth, height: props.height ?? 150 }));
    void import('uplot').then(({ default: Plot }) => {
      if (gone || !host.current) return;
      plot.current = new Plot(options(Plot, props, host.current.clientWidth), latest.current, host.current);
      resized.observe(host.current);
    });
    return () => {
      gone = true;
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [seen, words, shape]);
  useEffect(() => plot.current?.setData(data), [props.at, ...props.lines.map((l) => l.values)]);
  const last = props.lines.map((l) => {
    const value = l.values.findLast((v) => v !== null);
    return `${l.label} ${value === undefined || value === null ? '–' : props.format(value)}`;
  });
  return (
    <figure class="chart">
      <figcaption>{props.label}</figcaption>
      <div ref={host} class="chart-host" role="img" aria-label={`${props.label}: ${last.join(', ')}`} />
    </figure>
  );
}
