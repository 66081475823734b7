/** A pause of more than so many milliseconds between two decisions is no work. */
export const idleMilliseconds = 120_000;
/** Decisions closer together than this were one act, such as accepting many at once. */
const oneActMilliseconds = 150;

export interface Pace {
  decisions: number;
  /** Acts an hour of work, pauses left out; null until there are two. */
  perHour: number | null;
}

/** How many decisions and how fast, from their times in milliseconds, in ascending order. */
export function paceOf(times: readonly number[]): Pace {
  let acts = 0;
  let worked = 0;
  for (let at = 1; at < times.length; at++) {
    const gap = (times[at] ?? 0) - (times[at - 1] ?? 0);
    if (gap < oneActMilliseconds || gap > idleMilliseconds) continue;
    acts++;
    worked += gap;
  }
  return { decisions: times.length, perHour: acts === 0 ? null : (acts * 3_600_000) / worked };
}
