/**
 * Makes the buttons within an element one stop of the Tab key; arrows, Home and End go between them. The stop is the
 * one that has the focus, else the one marked as current, pressed or checked, else the first.
 */
export function roving(container: HTMLElement): () => void {
  const buttons = (): HTMLButtonElement[] => [
    ...container.querySelectorAll<HTMLButtonElement>('button:not(:disabled)'),
  ];
  const settle = (): void => {
    const all = buttons();
    const stop =
      all.find((button) => button === document.activeElement) ??
      all.find((button) => button.matches('[aria-current], [aria-pressed="true"], [aria-checked="true"]')) ??
      all[0];
    for (const button of all) {
      const tabIndex = button === stop ? 0 : -1;
      if (button.tabIndex !== tabIndex) button.tabIndex = tabIndex;
    }
  };
  const moved = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = buttons();
    const at = all.findIndex((button) => button.contains(document.activeElement));
    const isRow = container.getAttribute('aria-orientation') === 'horizontal';
    const [back, on] = isRow ? ['ArrowLeft', 'ArrowRight'] : ['ArrowUp', 'ArrowDown'];
    const next =
      event.key === on
        ? (at + 1) % all.length
        : event.key === back
          ? (at - 1 + all.length) % all.length
          : event.key === 'Home'
            ? 0
            : event.key === 'End'
              ? all.length - 1
              : -1;
    if (at < 0 || next < 0) return;
    event.preventDefault();
    event.stopPropagation();
    all[next]?.focus();
    settle();
  };
  const observer = new MutationObserver(settle);
  observer.observe(container, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['disabled', 'aria-current', 'aria-pressed', 'aria-checked'],
  });
  container.addEventListener('keydown', moved);
  container.addEventListener('focusin', settle);
  settle();
  return () => {
    observer.disconnect();
    container.removeEventListener('keydown', moved);
    container.removeEventListener('focusin', settle);
  };
}
