import { readdirSync, readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import type {} from '../../../src/renderer/lib/test-hook-types';

/** Milliseconds of which so many hundredths are shorter. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (times: readonly number[]): number => percentile(times, 0.5);

/** A canvas of its own in an otherwise empty page, wiped in every frame while the same events arrive. */
export async function emptyCanvas(page: Page, width: number, height: number): Promise<void> {
  await page.goto('about:blank');
  await page.evaluate(
    ([w, h]) => {
      const canvas = document.createElement('canvas');
      canvas.id = 'target';
      canvas.width = w ?? 1;
      canvas.height = h ?? 1;
      document.body.style.margin = '0';
      document.body.append(canvas);
      const context = canvas.getContext('2d');
      let asked = false;
      const paint = (): void => {
        asked = false;
        context?.clearRect(0, 0, canvas.width, canvas.height);
      };
      const ask = (event: Event): void => {
        event.preventDefault();
        if (!asked) requestAnimationFrame(paint);
        asked = true;
      };
      for (const type of ['mousedown', 'mousemove', 'mouseup', 'wheel']) {
        canvas.addEventListener(type, ask, { passive: false });
      }
    },
    [width, height],
  );
}

/**
 * Pans to and fro with the middle button, then zooms in and out about the middle, one event a frame, on the element;
 * gives the time from each frame to the next.
 */
export function panAndZoom(page: Page, selector: string): Promise<number[]> {
  return page.evaluate(async (wanted) => {
    const element = document.querySelector(wanted);
    if (!element) throw new Error(`no ${wanted}`);
    const box = element.getBoundingClientRect();
    const middle = { x: box.left + box.width / 2, y: box.top + box.height / 2 };
    const times: number[] = [];
    let last = 0;
    const frame = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
    const send = async (event: () => void): Promise<void> => {
      event();
      const now = await frame();
      if (last > 0) times.push(now - last);
      last = now;
    };
    const mouse = (type: string, x: number, y: number): void => {
      const init = { bubbles: true, cancelable: true, clientX: x, clientY: y, button: 1, buttons: 4 };
      element.dispatchEvent(new MouseEvent(type, init));
    };
    const wheel = (deltaY: number): void => {
      const init = { bubbles: true, cancelable: true, clientX: middle.x, clientY: middle.y, deltaY };
      element.dispatchEvent(new WheelEvent('wheel', init));
    };
    mouse('mousedown', middle.x, middle.y);
    for (let i = 0; i < 120; i++) {
      const angle = (i / 120) * 4 * Math.PI;
      await send(() =>
        mouse('mousemove', middle.x + 250 * Math.sin(angle), middle.y + 120 * Math.sin(2 * angle)),
      );
    }
    mouse('mouseup', middle.x, middle.y);
    for (let i = 0; i < 90; i++) await send(() => wheel(-24));
    for (let i = 0; i < 90; i++) await send(() => wheel(24));
    return times;
  }, selector);
}

/** Milliseconds from an act to the frame in which a condition of the page holds. */
export async function until(page: Page, act: () => Promise<unknown>, condition: string): Promise<number> {
  await page.evaluate((text) => {
    const holds = new Function(`return ${text}`) as () => boolean;
    const scope = window as unknown as { __measured: Promise<number> };
    let start = 0;
    const begin = (): void => {
      if (start === 0) start = performance.now();
    };
    for (const type of ['keydown', 'mousedown', 'mouseup', 'click']) {
      window.addEventListener(type, begin, { capture: true, once: true });
    }
    scope.__measured = new Promise((resolve) => {
      const look = (): void => {
        if (start > 0 && holds()) requestAnimationFrame(() => resolve(performance.now() - start));
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
  }, condition);
  await act();
  return page.evaluate(() => (window as unknown as { __measured: Promise<number> }).__measured);
}

/** Resident memory of processes in MB: of this browser's page and of the engine with this data folder. Linux only. */
export async function memory(
  page: Page,
  dataDir: string,
): Promise<{ page: number; engine: number; peak: { page: number; engine: number } }> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  await session.detach();
  const browser = page.context().browser();
  if (!browser) throw new Error('no browser');
  const root = await browser.newBrowserCDPSession();
  const { processInfo } = await root.send('SystemInfo.getProcessInfo');
  await root.detach();
  const renderers = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => status(id));
  const pages = renderers.sort((a, b) => b.now - a.now)[0];
  const engine = status(engineOf(dataDir));
  return {
    page: pages?.now ?? Number.NaN,
    engine: engine.now,
    peak: { page: pages?.peak ?? Number.NaN, engine: engine.peak },
  };
}

/** Tells the browser that memory is short: it gives back what its own caches of decoded pictures hold. */
export async function shortOfMemory(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Memory.simulatePressureNotification', { level: 'critical' });
  await session.detach();
  await page.waitForTimeout(3000);
}

function status(pid: number): { now: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number =>
    Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1] ?? Number.NaN) / 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

function engineOf(dataDir: string): number {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (line.includes(`--data=${dataDir}`)) return Number(name);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error('the engine does not run');
}

/** A table of names and values, the values in a column. */
export function printed(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n');
}
