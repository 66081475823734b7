import { observationBefore, type VisibleTurn } from './visible';

/** Why a thought cannot be used. */
export const leakKinds = ['empty', 'too_long', 'forbidden_word', 'unseen_number'] as const;
export type LeakKind = (typeof leakKinds)[number];

export interface Leak {
  kind: LeakKind;
  /** The word or number. */
  found: string;
}

/** Most characters of a thought. */
export const maxThoughtLength = 600;

/** What nobody can know who sees only the image and the observations. */
const forbidden =
  /ground[\s-]?truth|\bGT\b|\bannotat\w*|\boracle\b|\bsimulat\w*|\breference mask\b|\b(?:true|actual|correct|real|labell?ed) (?:mask|box|outline|target|iou)\b|\bdata ?set\b|\breward\w*|\b(?:next|given|following|provided|upcoming) (?:tool )?(?:call|action|step)\b|\bas (?:instructed|told|requested)\b|\bI (?:was|am|have been) (?:told|given|instructed)\b/gi;
const iouWord = /\bIoU\b|intersection over union/gi;
const numberPattern = /\d+(?:\.\d+)?/g;

/** Counts and ordinals that anyone may say. */
const harmless = 10;

/**
 * What makes a thought unfit: words of somebody who knows the answer, an IoU that is not the predicted one, and numbers
 * that nothing before the call has shown, such as the very coordinates that are about to be called.
 */
export function leaksOf(thought: string, visible: VisibleTurn): Leak[] {
  const text = thought.trim();
  if (text === '') return [{ kind: 'empty', found: '' }];
  const leaks: Leak[] = [];
  if (text.length > maxThoughtLength) leaks.push({ kind: 'too_long', found: `${text.length} characters` });
  const query = visible.query.toLowerCase();
  for (const [word] of text.matchAll(forbidden)) {
    if (!query.includes(word.toLowerCase())) leaks.push({ kind: 'forbidden_word', found: word });
  }
  for (const match of text.matchAll(iouWord)) {
    const before = text.slice(Math.max(0, match.index - 20), match.index).toLowerCase();
    if (!/(predicted|estimated)\s*$/.test(before)) leaks.push({ kind: 'forbidden_word', found: match[0] });
  }
  const shown = shownNumbers(visible);
  for (const [number] of text.matchAll(numberPattern)) {
    const isCount = Number.isInteger(Number(number)) && Number(number) <= harmless;
    if (!isCount && !shown.has(Number(number))) leaks.push({ kind: 'unseen_number', found: number });
  }
  return leaks;
}

function shownNumbers(visible: VisibleTurn): Set<number> {
  const { query, start, earlier } = visible;
  const texts = [
    query,
    start.text,
    ...earlier.flatMap(({ call, observation }) => [JSON.stringify(call?.arguments ?? {}), observation.text]),
  ];
  const numbers = texts.flatMap((text) => text.match(numberPattern) ?? []);
  // A share or predicted IoU may be said with fewer digits than it was shown with.
  const rounded = numbers.flatMap((number) => [Number(number), Math.round(Number(number))]);
  const predicted = observationBefore(visible).objects.flatMap(({ predictedIou }) =>
    predictedIou === null ? [] : [Number(predictedIou.toFixed(1)), Math.round(100 * predictedIou)],
  );
  return new Set([...rounded, ...predicted]);
}
