import { language } from './language';

/** Numbers and times as a labeller reads them, in the language of the page. */

const decimals = (digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const integers = decimals(0);
const tenths = decimals(1);
const clock = new Intl.DateTimeFormat(language, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
const bytes = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });

/** ".81", "1.0": a share without its leading zero. */
export function share(value: number): string {
  return value >= 0.995 ? '1.0' : value.toFixed(2).replace(/^0/, '');
}

/** "38 ms", "4.1 s", "2 min 05 s": SI signs, which every language here writes alike. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds < 10 ? tenths.format(seconds) : Math.round(seconds)} s`;
  const rest = Math.round(seconds);
  return `${Math.floor(rest / 60)} min ${String(rest % 60).padStart(2, '0')} s`;
}

export function count(value: number): string {
  return integers.format(value);
}

/** "12:04:31" in the person's own time. */
export function clockTime(date: Date): string {
  return clock.format(date);
}

/** "22 Nov 2026" or as the language writes it, in the person's own time. */
export function date(value: Date): string {
  return day.format(value);
}

export function percent(zoom: number): string {
  const value = zoom * 100;
  return `${value < 10 ? tenths.format(value) : Math.round(value)} %`;
}

/** "812 kB", "1.24 GB": decimal units, as disks are sold. */
export function fileSize(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${bytes.format(value / 1000 ** power)} ${units[power]}`;
}
