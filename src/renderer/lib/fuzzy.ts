/**
 * How well a typed word fits a title: its letters have to occur in this order, case and accents ignored. Null: it does
 * not fit. Higher is better: starts of words before initials, those before the middle of words, those before scattered
 * letters; long titles count less.
 */
export function fuzzyScore(typed: string, title: string): number | null {
  const wanted = plain(typed);
  const text = plain(title);
  if (wanted === '') return 0;
  const at = text.indexOf(wanted);
  const startsWord = at === 0 || !isLetter(text[at - 1]);
  if (at >= 0 && startsWord) return 3000 - at - text.length / 100;
  if (initials(text).startsWith(wanted)) return 2000 - text.length / 100;
  if (at >= 0) return 1000 - at - text.length / 100;
  let score = 0;
  let place = -1;
  for (const letter of wanted) {
    if (letter === ' ') continue;
    const next = text.indexOf(letter, place + 1);
    if (next < 0) return null;
    if (next === place + 1) score += 4;
    else if (!isLetter(text[next - 1])) score += 6;
    else score -= Math.min(3, next - place - 1);
    place = next;
  }
  return score - text.length / 100;
}

function plain(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Diacritic}/gu, '')
    .toLowerCase();
}

function initials(text: string): string {
  return text
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => word.slice(0, 1))
    .join('');
}

function isLetter(character: string | undefined): boolean {
  return character !== undefined && /[\p{L}\p{N}]/u.test(character);
}
