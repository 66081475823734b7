import type { Kind } from './vocabulary';

/**
 * What a part is painted with: the thing's own colour (lighter, darker), or a colour that the part always has.
 * `main` parts carry the pattern.
 */
export type Tone = 'main' | 'light' | 'dark' | 'wood' | 'metal' | 'glass' | 'night' | 'glow' | 'leafy';

/** A filled ring in the thing's frame: x and y from −1 to 1, y downwards; later parts cover earlier ones. */
export interface Part {
  tone: Tone;
  /** Flat: x, y, x, y, … */
  ring: readonly number[];
}

function ellipse(cx: number, cy: number, rx: number, ry: number, from = 0, to = 360): number[] {
  const steps = Math.max(8, Math.round((to - from) / 12));
  const ring: number[] = [];
  const end = to - from === 360 ? steps : steps + 1;
  for (let i = 0; i < end; i++) {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    ring.push(cx + rx * Math.cos(angle), cy + ry * Math.sin(angle));
  }
  return ring;
}

const box = (x1: number, y1: number, x2: number, y2: number): number[] => [x1, y1, x2, y1, x2, y2, x1, y2];

/** A bent bar of the given thickness along an ellipse. */
function arc(
  cx: number,
  cy: number,
  rx: number,
  ry: number,
  from: number,
  to: number,
  thickness: number,
): number[] {
  const half = thickness / 2;
  const outer = ellipse(cx, cy, rx + half, ry + half, from, to);
  const inner = ellipse(cx, cy, rx - half, ry - half, from, to);
  if (to - from === 360) {
    outer.push(cx + rx + half, cy);
    inner.push(cx + rx - half, cy);
  }
  const back: number[] = [];
  for (let i = inner.length - 2; i >= 0; i -= 2) back.push(inner[i] ?? 0, inner[i + 1] ?? 0);
  return [...outer, ...back];
}

/** A straight bar from one point to another. */
function bar(x1: number, y1: number, x2: number, y2: number, thickness: number): number[] {
  const length = Math.hypot(x2 - x1, y2 - y1);
  const nx = (-(y2 - y1) / length) * (thickness / 2);
  const ny = ((x2 - x1) / length) * (thickness / 2);
  return [x1 + nx, y1 + ny, x2 + nx, y2 + ny, x2 - nx, y2 - ny, x1 - nx, y1 - ny];
}

const part = (tone: Tone, ring: readonly number[]): Part => ({ tone, ring });

const petals = [0, 72, 144, 216, 288].map((degrees) => {
  const angle = ((degrees - 90) * Math.PI) / 180;
  return part('main', ellipse(0.38 * Math.cos(angle), -0.35 + 0.38 * Math.sin(angle), 0.27, 0.27));
});

/** How each kind is drawn. */
export const drawings: Record<Kind, readonly Part[]> = {
  apple: [
    part('wood', bar(0, -0.5, 0.12, -0.95, 0.1)),
    part('leafy', ellipse(0.34, -0.78, 0.26, 0.13)),
    part('main', ellipse(-0.3, 0.15, 0.58, 0.75)),
    part('main', ellipse(0.3, 0.15, 0.58, 0.75)),
    part('light', ellipse(-0.42, -0.1, 0.14, 0.24)),
  ],
  ball: [
    part('main', ellipse(0, 0, 0.95, 0.95)),
    part('light', arc(0, 0, 0.35, 0.94, 0, 360, 0.09)),
    part('light', bar(-0.94, 0, 0.94, 0, 0.09)),
  ],
  bird: [
    part('night', bar(-0.1, 0.5, -0.15, 0.95, 0.07)),
    part('night', bar(0.15, 0.5, 0.15, 0.95, 0.07)),
    part('dark', [-0.55, 0.05, -1, -0.1, -0.95, 0.3]),
    part('main', ellipse(-0.05, 0.15, 0.62, 0.45)),
    part('main', ellipse(0.5, -0.38, 0.34, 0.34)),
    part('glow', [0.8, -0.48, 1, -0.34, 0.8, -0.25]),
    part('dark', [-0.45, 0, 0.3, -0.05, -0.1, 0.42, -0.5, 0.3]),
    part('night', ellipse(0.58, -0.45, 0.07, 0.07)),
  ],
  boat: [
    part('wood', bar(0, 0.35, 0, -0.98, 0.08)),
    part('light', [0.08, -0.95, 0.8, 0.2, 0.08, 0.2]),
    part('light', [-0.08, -0.7, -0.62, 0.2, -0.08, 0.2]),
    part('main', [-0.98, 0.3, 0.98, 0.3, 0.65, 0.88, -0.65, 0.88]),
  ],
  book: [
    part('dark', [-0.85, -0.62, 0.7, -0.9, 0.92, 0.55, -0.62, 0.85]),
    part('light', [-0.76, -0.5, 0.76, -0.76, 0.9, 0.42, -0.6, 0.72]),
    part('main', [-0.92, -0.72, 0.6, -0.98, 0.8, 0.42, -0.7, 0.72]),
    part('light', [-0.55, -0.42, 0.35, -0.58, 0.38, -0.4, -0.52, -0.24]),
  ],
  bottle: [
    part('wood', box(-0.16, -1, 0.16, -0.8)),
    part(
      'main',
      [
        -0.15, -0.82, 0.15, -0.82, 0.17, -0.4, 0.42, -0.12, 0.42, 0.96, -0.42, 0.96, -0.42, -0.12, -0.17,
        -0.4,
      ],
    ),
    part('light', box(-0.42, 0.15, 0.42, 0.6)),
  ],
  car: [
    part('main', [-0.5, -0.15, -0.3, -0.62, 0.35, -0.62, 0.62, -0.15]),
    part('glass', [-0.38, -0.17, -0.24, -0.5, 0, -0.5, 0, -0.17]),
    part('glass', [0.08, -0.17, 0.08, -0.5, 0.3, -0.5, 0.48, -0.17]),
    part('main', [-0.98, -0.12, 0.85, -0.17, 0.98, 0.1, 0.98, 0.42, -0.98, 0.42]),
    part('night', ellipse(-0.55, 0.42, 0.24, 0.24)),
    part('night', ellipse(0.55, 0.42, 0.24, 0.24)),
    part('metal', ellipse(-0.55, 0.42, 0.11, 0.11)),
    part('metal', ellipse(0.55, 0.42, 0.11, 0.11)),
    part('glow', ellipse(0.92, 0.1, 0.07, 0.09)),
  ],
  chair: [
    part('dark', box(-0.5, 0.2, -0.36, 0.98)),
    part('dark', box(0.42, 0.2, 0.56, 0.98)),
    part('dark', box(-0.62, -0.98, -0.46, 0.98)),
    part('main', [-0.62, -0.98, -0.38, -0.98, -0.28, 0.1, -0.62, 0.1]),
    part('main', [-0.62, 0.08, 0.5, 0.08, 0.68, 0.3, -0.62, 0.3]),
  ],
  cup: [
    part('main', arc(0.5, 0.05, 0.36, 0.36, -100, 100, 0.15)),
    part('main', [-0.72, -0.6, 0.56, -0.6, 0.4, 0.8, -0.56, 0.8]),
    part('dark', ellipse(-0.08, -0.6, 0.64, 0.14)),
  ],
  fish: [
    part('dark', [-0.5, 0, -1, -0.48, -0.85, 0, -1, 0.48]),
    part('dark', [-0.15, -0.35, 0.1, -0.75, 0.35, -0.35]),
    part('main', ellipse(0.15, 0, 0.8, 0.46)),
    part('light', ellipse(0.62, -0.12, 0.12, 0.12)),
    part('night', ellipse(0.64, -0.12, 0.06, 0.06)),
  ],
  flower: [
    part('leafy', bar(0, 0, 0, 0.98, 0.1)),
    part('leafy', ellipse(0.28, 0.62, 0.28, 0.11)),
    ...petals,
    part('glow', ellipse(0, -0.35, 0.22, 0.22)),
  ],
  hat: [
    part('main', [-0.5, 0.3, -0.42, -0.65, -0.2, -0.75, 0.2, -0.75, 0.42, -0.65, 0.5, 0.3]),
    part('dark', [-0.49, 0.08, 0.49, 0.08, 0.51, 0.34, -0.51, 0.34]),
    part('main', ellipse(0, 0.42, 0.98, 0.22)),
  ],
  house: [
    part('dark', box(0.35, -0.85, 0.55, -0.3)),
    part('main', box(-0.75, -0.1, 0.75, 0.9)),
    part('dark', [-0.95, -0.1, 0, -0.95, 0.95, -0.1]),
    part('wood', box(-0.15, 0.35, 0.18, 0.9)),
    part('glass', box(-0.58, 0.1, -0.28, 0.4)),
    part('glass', box(0.32, 0.1, 0.62, 0.4)),
  ],
  key: [
    part('main', arc(-0.55, 0, 0.32, 0.32, 0, 360, 0.2)),
    part('main', bar(-0.2, 0, 0.98, 0, 0.17)),
    part('main', box(0.55, 0, 0.67, 0.34)),
    part('main', box(0.8, 0, 0.92, 0.28)),
  ],
  lamp: [
    part('metal', bar(0, -0.1, 0, 0.85, 0.1)),
    part('metal', ellipse(0, 0.88, 0.46, 0.1)),
    part('glow', ellipse(0, -0.12, 0.16, 0.16)),
    part('main', [-0.36, -0.95, 0.36, -0.95, 0.74, -0.12, -0.74, -0.12]),
  ],
  leaf: [
    part('wood', bar(-0.95, 0.6, -0.5, 0.3, 0.08)),
    part(
      'main',
      [
        -0.6, 0.36, -0.55, -0.15, -0.2, -0.55, 0.3, -0.72, 0.98, -0.7, 0.85, -0.1, 0.5, 0.35, 0.05, 0.55,
        -0.4, 0.5,
      ],
    ),
    part('light', bar(-0.6, 0.36, 0.8, -0.55, 0.05)),
  ],
  mushroom: [
    part('light', [-0.2, -0.05, 0.2, -0.05, 0.28, 0.92, -0.28, 0.92]),
    part('main', ellipse(0, 0, 0.9, 0.82, 180, 360)),
    part('light', ellipse(-0.35, -0.38, 0.13, 0.11)),
    part('light', ellipse(0.25, -0.5, 0.15, 0.12)),
    part('light', ellipse(0.52, -0.2, 0.1, 0.08)),
  ],
  scissors: [
    part('metal', bar(-0.1, 0.12, 0.72, -0.95, 0.15)),
    part('metal', bar(0.1, 0.12, -0.72, -0.95, 0.15)),
    part('main', arc(-0.36, 0.58, 0.26, 0.3, 0, 360, 0.16)),
    part('main', arc(0.36, 0.58, 0.26, 0.3, 0, 360, 0.16)),
    part('night', ellipse(0, 0, 0.07, 0.07)),
  ],
  tree: [
    part('wood', [-0.14, 0.1, 0.14, 0.1, 0.2, 0.98, -0.2, 0.98]),
    part('main', ellipse(-0.4, 0.02, 0.42, 0.38)),
    part('main', ellipse(0.4, 0.02, 0.42, 0.38)),
    part('main', ellipse(0, -0.42, 0.52, 0.52)),
    part('light', ellipse(-0.16, -0.56, 0.16, 0.13)),
  ],
  umbrella: [
    part('wood', bar(0, -0.3, 0, 0.75, 0.09)),
    part('wood', arc(0.15, 0.75, 0.15, 0.18, 0, 180, 0.09)),
    part('main', ellipse(0, 0, 0.95, 0.82, 180, 360)),
    part('dark', [-0.32, 0, 0, -0.82, 0.32, 0]),
  ],
};
