/** Calendar days of a person's time zone, as "2026-11-22". */

/** Whether the name is one of IANA's time zones that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const hourMs = 3_600_000;

/**
 * A function from a moment (ISO 8601) to its day in the time zone. Formatting a date is slow, so each quarter of an hour,
 * the finest step between time zones, is formatted once.
 */
export function dayIn(timeZone: string): (at: string) => string {
  // Swedish writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  const known = new Map<number, string>();
  return (at) => {
    const quarter = Math.floor(Date.parse(at) / (hourMs / 4));
    const found = known.get(quarter);
    if (found !== undefined) return found;
    const day = format.format(quarter * (hourMs / 4));
    known.set(quarter, day);
    return day;
  };
}

/** The days from the first to the last, both included; none when they are the wrong way round. */
export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  const end = Date.parse(`${last}T00:00:00Z`);
  for (let at = Date.parse(`${first}T00:00:00Z`); at <= end; at += 24 * hourMs) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}
