/** Small plots as SVG text. Colours and fonts come from the page's classes, so one plot serves light and dark. */

export interface ChartPoint {
  x: number;
  y: number;
  low?: number | null;
  high?: number | null;
}

export interface ChartSeries {
  name: string;
  points: readonly ChartPoint[];
}

const width = 460;
const height = 240;
const left = 46;
const right = 14;
const top = 14;
const bottom = 42;
const plotWidth = width - left - right;
const plotHeight = height - top - bottom;

/** For text between tags and in attributes of HTML and SVG. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/**
 * Counts of equal parts of 0..1 as bars.
 *
 * @param labels.title what a screen reader says of the plot
 */
export function histogramChart(
  counts: readonly number[],
  labels: { title: string; x: string; y: string },
): string {
  const most = Math.max(1, ...counts);
  const step = niceStep(most / 4, 1);
  const limit = Math.ceil(most / step) * step;
  const y = (count: number): number => top + plotHeight * (1 - count / limit);
  const slot = plotWidth / Math.max(1, counts.length);
  const bars = counts.map((count, index) => {
    const range = `${(index / counts.length).toFixed(2)} to ${((index + 1) / counts.length).toFixed(2)}`;
    return `<rect class="bar" x="${n(left + index * slot + 1)}" y="${n(y(count))}" width="${n(slot - 2)}" height="${n(top + plotHeight - y(count))}"><title>${range}: ${count}</title></rect>`;
  });
  const xTicks = [0, 0.25, 0.5, 0.75, 1].map((value) => xTick(left + value * plotWidth, String(value)));
  const yTicks = ticks(0, limit, step).map((value) => yTick(y(value), String(value)));
  return frame([...yTicks, ...bars, ...xTicks], labels);
}

/** Lines over whole numbers (turns), with intervals where points have them. Values are 0..1. */
export function lineChart(
  series: readonly ChartSeries[],
  labels: { title: string; x: string; y: string },
): string {
  const points = series.flatMap((line) => line.points);
  const xs = [...new Set(points.map((point) => point.x))].sort((a, b) => a - b);
  const ys = points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]);
  const [from, to] = valueRange(ys);
  const place = (value: number): number =>
    xs.length < 2
      ? left + plotWidth / 2
      : left + 12 + (xs.indexOf(value) / (xs.length - 1)) * (plotWidth - 24);
  const y = (value: number): number => top + plotHeight * (1 - (value - from) / (to - from));
  const drawn = series.map((line, index) => {
    // Beside each other, so that intervals at the same place do not hide each other.
    const shift = (index - (series.length - 1) / 2) * 7;
    const at = line.points.map((point) => ({ ...point, cx: place(point.x) + shift, cy: y(point.y) }));
    const whiskers = at.flatMap(({ cx, low, high }) =>
      low === undefined || low === null || high === undefined || high === null
        ? []
        : `<path class="whisker" d="M${n(cx)} ${n(y(low))}V${n(y(high))}M${n(cx - 3)} ${n(y(low))}h6M${n(cx - 3)} ${n(y(high))}h6"/>`,
    );
    const dots = at.map(
      ({ cx, cy, x, y: value }) =>
        `<circle cx="${n(cx)}" cy="${n(cy)}" r="3.5"><title>${escapeXml(line.name)}, ${x}: ${value.toFixed(4)}</title></circle>`,
    );
    const path = at.map(({ cx, cy }) => `${n(cx)},${n(cy)}`).join(' ');
    return `<g class="series-${index + 1}"><polyline points="${path}"/>${whiskers.join('')}${dots.join('')}</g>`;
  });
  const xTicks = xs.filter(everyFew(xs.length)).map((value) => xTick(place(value), String(value)));
  const step = niceStep((to - from) / 4, 0.01);
  const yTicks = ticks(from, to, step).map((value) => yTick(y(value), value.toFixed(step < 0.1 ? 2 : 1)));
  return frame([...yTicks, ...drawn, ...xTicks], labels);
}

/** A range in 0..1 around values, with ends at tenths and at least three tenths wide. */
export function valueRange(values: readonly number[]): [from: number, to: number] {
  let from = Math.max(0, Math.floor(Math.min(1, ...values) * 10) / 10);
  let to = Math.min(1, Math.ceil(Math.max(0, ...values) * 10) / 10);
  while (to - from < 0.29) {
    if (to < 1) to = Math.min(1, to + 0.1);
    else from = Math.max(0, from - 0.1);
  }
  return [Math.round(from * 10) / 10, Math.round(to * 10) / 10];
}

/** 1, 2 or 5 times a power of ten, at least `from` and `least`. */
export function niceStep(from: number, least: number): number {
  const wanted = Math.max(from, least);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= wanted - 1e-12) ?? 10;
  return step * power;
}

function ticks(from: number, to: number, step: number): number[] {
  const count = Math.floor((to - from) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => from + index * step);
}

function everyFew(count: number): (value: number, index: number) => boolean {
  const every = Math.ceil(count / 12);
  return (_, index) => index % every === 0;
}

function xTick(x: number, text: string): string {
  return `<text class="tick" x="${n(x)}" y="${top + plotHeight + 16}" text-anchor="middle">${text}</text>`;
}

function yTick(y: number, text: string): string {
  return `<line class="grid" x1="${left}" x2="${width - right}" y1="${n(y)}" y2="${n(y)}"/><text class="tick" x="${left - 7}" y="${n(y + 3.5)}" text-anchor="end">${text}</text>`;
}

function frame(parts: readonly string[], labels: { title: string; x: string; y: string }): string {
  const middle = top + plotHeight / 2;
  return `<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(labels.title)}">${parts.join('')}<text class="axis" x="${left + plotWidth / 2}" y="${height - 6}" text-anchor="middle">${escapeXml(labels.x)}</text><text class="axis" x="12" y="${middle}" text-anchor="middle" transform="rotate(-90 12 ${middle})">${escapeXml(labels.y)}</text></svg>`;
}

/** Two digits are finer than a pixel. */
function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}
