import { commands } from '../commands';
import { type Command, isAvailable } from '../commands/command';
import { keys } from '../state/keys.svelte';
import type { Workbench } from '../state/workbench.svelte';
import { keyOf } from './key-names';

/** A tap of Space goes on, a longer hold was meant for panning. */
const tapMilliseconds = 300;

/** Listens to the keyboard for the whole window; returns what ends that. */
export function bindKeys(workbench: Workbench): () => void {
  let spaceSince = 0;
  let panned = false;

  const down = (event: KeyboardEvent): void => {
    if (event.key === ' ' && isFree(event.target)) {
      event.preventDefault();
      if (!event.repeat) {
        spaceSince = performance.now();
        panned = false;
        workbench.canvas.stage?.holdSpace(true);
      }
      return;
    }
    if (handleKey(workbench, event)) event.preventDefault();
  };
  const up = (event: KeyboardEvent): void => {
    if (event.key !== ' ' || spaceSince === 0) return;
    event.preventDefault();
    if (workbench.canvas.stage?.holdSpace(false)) panned = true;
    const held = performance.now() - spaceSince;
    spaceSince = 0;
    if (!panned && held < tapMilliseconds) tapSpace(workbench);
  };
  const pressed = (): void => {
    if (spaceSince > 0) panned = true;
  };
  const blur = (): void => {
    spaceSince = 0;
    workbench.canvas.stage?.holdSpace(false);
  };
  window.addEventListener('keydown', down);
  window.addEventListener('keyup', up);
  window.addEventListener('pointerdown', pressed, true);
  window.addEventListener('blur', blur);
  return () => {
    window.removeEventListener('keydown', down);
    window.removeEventListener('keyup', up);
    window.removeEventListener('pointerdown', pressed, true);
    window.removeEventListener('blur', blur);
  };
}

/** Whether the key did something. */
function handleKey(workbench: Workbench, event: KeyboardEvent): boolean {
  if (event.isComposing || document.querySelector('dialog[open]')) return false;
  if (movesSlider(event)) return false;
  const key = keyOf(event);
  const typing = isTyping(event.target);
  if (!typing && event.key === 'Escape') return workbench.cancel();
  // A focused control answers Enter itself.
  if (key === 'Enter' && isControl(event.target)) return false;
  if (!typing && workbench.canvas.staged && nudgeBy(workbench, event)) return true;
  const command = meantBy(key, workbench, (each) => !typing || each.inFields === true);
  if (!command) return false;
  if (event.repeat && !command.repeats) return true;
  command.run(workbench);
  return true;
}

/** The command that a key means here and now. */
function meantBy(
  key: string,
  workbench: Workbench,
  fits: (command: Command) => boolean = () => true,
): Command | undefined {
  return commands.find(
    (command) =>
      keys.of(command).includes(key) &&
      fits(command) &&
      (command.focus === undefined || document.activeElement?.id === command.focus) &&
      isAvailable(command, workbench),
  );
}

/** Space is told apart from panning when it is let go. */
function tapSpace(workbench: Workbench): void {
  meantBy('Space', workbench)?.run(workbench);
}

function nudgeBy(workbench: Workbench, event: KeyboardEvent): boolean {
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
    event.key
  ];
  if (!direction) return false;
  const step = event.shiftKey ? 10 : 1;
  workbench.nudge((direction[0] ?? 0) * step, (direction[1] ?? 0) * step, event.altKey);
  return true;
}

/** A slider takes the keys that move it; all others mean what they mean elsewhere. */
function movesSlider(event: KeyboardEvent): boolean {
  return isSlider(event.target) && /^(Arrow|Page|Home$|End$)/.test(event.key);
}

function isSlider(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement && target.type === 'range';
}

function isTyping(target: EventTarget | null): boolean {
  if (isSlider(target)) return false;
  return (
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  );
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;
}

/** Whether Space means the canvas and not the focused control. */
function isFree(target: EventTarget | null): boolean {
  return !isTyping(target) && !isControl(target) && !document.querySelector('dialog[open]');
}
