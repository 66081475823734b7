import type { Workbench } from '../state/workbench.svelte';
import { text } from './text';

/** The cheat sheet; `handleKey` below is what the keys do. */
export const keyGroups: readonly { title: string; keys: readonly [readonly string[], string][] }[] = [
  {
    title: text.keys.groups.decide,
    keys: [
      [['↵'], text.keys.accept],
      [['⌫'], text.keys.reject],
      [['Space'], text.keys.next],
      [['1 … 9'], text.keys.digits],
      [['C'], text.keys.category],
      [['D'], text.keys.done],
      [['Ctrl', 'Z'], text.keys.undo],
      [['Ctrl', '⇧', 'Z'], text.keys.redo],
    ],
  },
  {
    title: text.keys.groups.agent,
    keys: [
      [['/'], text.keys.query],
      [['R'], text.keys.run],
      [['→'], text.keys.step],
      [['S'], text.keys.stop],
      [['T'], text.keys.pen],
      [['H'], text.keys.back],
      [['X'], text.keys.move],
    ],
  },
  {
    title: text.keys.groups.draw,
    keys: [
      [['V'], text.keys.select],
      [['B'], text.keys.box],
      [['P'], text.keys.point],
      [['G'], text.keys.polygon],
      [['Del'], text.keys.delete],
      [['Tab'], text.keys.cycle],
      [['Esc'], text.keys.cancel],
    ],
  },
  {
    title: text.keys.groups.view,
    keys: [
      [['0'], text.keys.fit],
      [['⇧', '0'], text.keys.actual],
      [['+', '−'], text.keys.zoom],
      [['Space'], text.keys.pan],
      [['M'], text.keys.masks],
      [['↑', '↓'], text.keys.images],
      [['?'], text.keys.help],
    ],
  },
];

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
    if (!panned && held < tapMilliseconds && workbench.project.current) void workbench.next();
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
  const { app, canvas, images } = workbench;
  if (event.isComposing || isTyping(event.target)) return false;
  if (document.querySelector('dialog[open]')) return false;
  const command = event.ctrlKey || event.metaKey;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;

  if (command) {
    if (key === 'z') void (event.shiftKey ? workbench.redo() : workbench.undo());
    else if (key === 'y') void workbench.redo();
    else return false;
    return true;
  }
  if (key === 'Escape') return workbench.cancel();
  if (key === '?') {
    app.togglePanel('keys');
    return true;
  }
  if (!workbench.project.current || workbench.question) return false;

  if (canvas.staged && nudgeBy(workbench, event)) return true;
  if (event.repeat && !key.startsWith('Arrow') && key !== '+' && key !== '-' && key !== 'Tab') return true;
  // A focused control answers Enter itself.
  if (key === 'Enter' && isControl(event.target)) return false;
  if (
    key === 'Tab' &&
    !(event.target instanceof Element && event.target.id === 'stage' && images.annotations.length > 0)
  ) {
    return false;
  }
  if (/^[1-9]$/.test(key) && !event.shiftKey) {
    void workbench.digit(Number(key));
    return true;
  }
  const act = actions[event.code === 'Digit0' && event.shiftKey ? 'Shift0' : key];
  if (!act) return false;
  act(workbench, event);
  return true;
}

const actions: Record<string, (workbench: Workbench, event: KeyboardEvent) => void> = {
  Enter: (workbench) => void workbench.accept(),
  Backspace: (workbench) => void workbench.reject(),
  Delete: (workbench) => void workbench.deleteSelected(),
  ArrowRight: (workbench) => void workbench.step(),
  ArrowUp: (workbench) => void workbench.images.selectOffset(-1),
  ArrowDown: (workbench) => void workbench.images.selectOffset(1),
  Tab: (workbench, event) => workbench.cycleSelection(event.shiftKey ? -1 : 1),
  '/': () => document.getElementById('query')?.focus(),
  r: (workbench) => void workbench.run(),
  s: (workbench) => void workbench.stop(),
  t: (workbench) => void workbench.takePen(),
  h: (workbench) => void workbench.handBack(),
  x: (workbench) => workbench.stage(),
  c: (workbench) => void workbench.chooseCategory(),
  d: (workbench) => void workbench.toggleDone(),
  v: (workbench) => workbench.setTool('select'),
  b: (workbench) => workbench.setTool('box'),
  p: (workbench, event) => workbench.setTool(event.altKey ? 'negative' : 'positive'),
  g: (workbench) => workbench.setTool('polygon'),
  m: ({ canvas }) => {
    canvas.masksVisible = !canvas.masksVisible;
  },
  '0': (workbench) => workbench.canvas.stage?.fit(),
  Shift0: (workbench) => workbench.canvas.stage?.zoomTo(1),
  '+': (workbench) => workbench.canvas.stage?.zoomBy(1.25),
  '=': (workbench) => workbench.canvas.stage?.zoomBy(1.25),
  '-': (workbench) => workbench.canvas.stage?.zoomBy(1 / 1.25),
};

function nudgeBy(workbench: Workbench, event: KeyboardEvent): boolean {
  const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[
    event.key
  ];
  if (!direction) return false;
  const step = event.shiftKey ? 10 : 1;
  workbench.nudge((direction[0] ?? 0) * step, (direction[1] ?? 0) * step, event.altKey);
  return true;
}

function isTyping(target: EventTarget | null): boolean {
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
