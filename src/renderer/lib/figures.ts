import type { InsightMean, InsightShare } from '@shared/contract/methods';
import { language } from './language';
import { text } from './text';

/** Statistics' numbers as they are read: as exact as they are meant, never more. */

const fixed = (digits: number): Intl.NumberFormat =>
  new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const hundredths = fixed(2);
const tenths = fixed(1);
const whole = fixed(0);
const dayAndMonth = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', timeZone: 'UTC' });

export const number = (value: number | null): string => (value === null ? '–' : hundredths.format(value));
export const tenth = (value: number | null): string => (value === null ? '–' : tenths.format(value));
/** "81 %" of 0.81; of the ends only what is exact is 0 or 100. */
export function rate(value: number | null): string {
  if (value === null) return '–';
  const percent = value * 100;
  const shown = percent > 99 && percent < 100 ? 99 : percent < 1 && percent > 0 ? 1 : percent;
  return `${whole.format(shown)} %`;
}
/** "8.4 s", "2 min 05 s". */
export function seconds(value: number | null): string {
  if (value === null) return '–';
  if (value < 60) return `${(value < 10 ? tenths : whole).format(value)} s`;
  const rest = Math.round(value);
  return `${Math.floor(rest / 60)} min ${String(rest % 60).padStart(2, '0')} s`;
}
/** "22 Nov" of "2026-11-22". */
export const shortDay = (day: string): string => dayAndMonth.format(new Date(`${day}T00:00:00Z`));

/** "0.71 to 0.84"; empty without an interval. */
export function range(
  { low, high }: Pick<InsightMean | InsightShare, 'low' | 'high'>,
  format: (value: number) => string,
): string {
  return low === null || high === null ? '' : text.statistics.interval(format(low), format(high));
}
