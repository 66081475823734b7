import { text } from '../../lib/text';
import type { TourStep } from '../../state/tour.svelte';

/** Where each step is done, best first: what is not on the page is passed over. */
const selectors: Record<TourStep, readonly string[]> = {
  sample: ['[data-tour="sample"]'],
  image: [`[aria-label="${text.images.title}"]`],
  step: ['[data-tour="step"]'],
  decide: ['[data-tour="decide"]', '[data-tour="step"]'],
  accept: ['[data-tour="decide"]', '[data-tour="step"]'],
  own: [`[role="toolbar"][aria-label="${text.tools.label}"]`],
  undo: [`[role="toolbar"] [aria-label="${text.tools.undo}"]`],
};

export function targetOf(step: TourStep): Element | null {
  for (const selector of selectors[step]) {
    const found = document.querySelector(selector);
    if (found && found.getClientRects().length > 0) return found;
  }
  return null;
}
