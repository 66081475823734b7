/** Small preferences of this window; a browser that refuses storage just forgets them. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`maskwright.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`maskwright.${key}`, value);
  } catch {
    // Storage is off: the preference lasts as long as the page.
  }
}
