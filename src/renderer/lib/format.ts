/** Numbers as a labeller reads them. */

/** ".81", "1.0": a share without its leading zero. */
export function share(value: number): string {
  return value >= 0.995 ? '1.0' : value.toFixed(2).replace(/^0/, '');
}

/** "38 ms", "4.1 s", "2 min 05 s". */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const rest = Math.round(seconds);
  return `${Math.floor(rest / 60)} min ${String(rest % 60).padStart(2, '0')} s`;
}

const integers = new Intl.NumberFormat('en');
export function count(value: number): string {
  return integers.format(value);
}

/** "12:04:31" in the person's own time. */
export function clockTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
}

export function percent(zoom: number): string {
  const value = zoom * 100;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}
