/**
 * The parts of the window between which F6 goes: the children of the element marked `data-regions`; one marked
 * `data-regions` itself stands for its own children.
 */
function regionsIn(parent: Element): Element[] {
  return [...parent.children].flatMap((child) =>
    child.hasAttribute('data-regions') ? regionsIn(child) : [child],
  );
}

const focusable =
  'button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), a[href], [tabindex]';

/** Where the focus was in each region when it was left. */
const left = new WeakMap<Element, HTMLElement>();

/** Puts the focus into the next (1) or previous (-1) region that can take it: where it was there, or at its start. */
export function focusRegion(step: 1 | -1): void {
  const root = document.querySelector('[data-regions]');
  if (!root) return;
  const regions = regionsIn(root);
  const { activeElement } = document;
  const at = regions.findIndex((region) => region.contains(activeElement));
  const here = regions[at];
  if (here && activeElement instanceof HTMLElement) left.set(here, activeElement);
  const start = at < 0 && step < 0 ? 0 : at;
  for (let offset = 1; offset <= regions.length; offset++) {
    const region = regions[(start + step * offset + regions.length * 2) % regions.length];
    const target = region && entryOf(region);
    if (!target) continue;
    target.focus();
    return;
  }
}

function entryOf(region: Element): HTMLElement | null {
  const before = left.get(region);
  if (before && region.contains(before) && isShown(before)) return before;
  const all = [...region.querySelectorAll<HTMLElement>(focusable)];
  return all.find((element) => element.tabIndex >= 0 && isShown(element)) ?? null;
}

function isShown(element: HTMLElement): boolean {
  return element.getClientRects().length > 0 && getComputedStyle(element).visibility !== 'hidden';
}
