import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BrowserWindow, type Rectangle, screen } from 'electron';
import { z } from 'zod';

const stateSchema = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(400),
  height: z.number().int().min(300),
  maximized: z.boolean(),
});
type WindowState = z.infer<typeof stateSchema>;

const DEFAULT = { width: 1440, height: 900 };

function isOnAScreen(bounds: Rectangle): boolean {
  return screen.getAllDisplays().some(({ workArea }) => {
    const across =
      Math.min(bounds.x + bounds.width, workArea.x + workArea.width) - Math.max(bounds.x, workArea.x);
    const down =
      Math.min(bounds.y + bounds.height, workArea.y + workArea.height) - Math.max(bounds.y, workArea.y);
    return across > 100 && down > 100;
  });
}

/** Where the window was when it was closed; the default when that is not known or not on a screen any more. */
export function readWindowState(file: string): Partial<WindowState> & { width: number; height: number } {
  try {
    const state = stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return isOnAScreen(state) ? state : { ...DEFAULT, maximized: state.maximized };
  } catch {
    return DEFAULT;
  }
}

export function writeWindowState(file: string, window: BrowserWindow): void {
  const state: WindowState = { ...window.getNormalBounds(), maximized: window.isMaximized() };
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(state));
  } catch {
    // The next start uses the default.
  }
}
