import type { Prompt } from './segmenter';
import type { Signature } from './signatures';

/**
 * Candidates of a SAM 1 decoder exported with all its mask tokens: one trained for unambiguous prompts, at
 * index 0, then three for ambiguous ones.
 */
const allTokens = 4;

/**
 * The candidate to use when nobody chooses.
 *
 * 1. A decoder whose metadata says `surrogate=true` has its answer at index 0 (shared/data/README.md).
 * 2. SAM 1 with all four tokens, as in `select_masks` of segment-anything's utils/onnx.py: a box, several
 *    clicks or a previous mask → index 0; a single click is ambiguous → the best predicted IoU of the others.
 * 3. Everything else (SAM 2 exports give the three ambiguous tokens only, EfficientSAM likewise, some models
 *    have one mask) → the best predicted IoU.
 *
 * @param predictedIou one a candidate, in the model's order; NaN never wins
 * @returns an index, 0 when there is nothing to compare
 */
export function bestCandidate(
  signature: Signature,
  predictedIou: readonly number[],
  prompt: Prompt,
  metadata: Readonly<Record<string, string>>,
): number {
  if (metadata.surrogate === 'true') return 0;
  const hasSingleMaskToken = signature === 'sam1' && predictedIou.length === allTokens;
  const hasPrevious = prompt.lowRes !== null && prompt.lowRes.data.length > 0;
  const ambiguous = prompt.box === null && prompt.points.length <= 1 && !hasPrevious;
  if (hasSingleMaskToken && !ambiguous) return 0;
  let best = hasSingleMaskToken ? 1 : 0;
  for (let i = best + 1; i < predictedIou.length; i++) {
    const value = predictedIou[i] ?? Number.NaN;
    const champion = predictedIou[best] ?? Number.NaN;
    if (value > champion || (Number.isNaN(champion) && !Number.isNaN(value))) best = i;
  }
  return best;
}
