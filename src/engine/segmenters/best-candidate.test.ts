import { expect, test } from 'vitest';
import { bestCandidate } from './best-candidate';
import type { Prompt } from './segmenter';

const box: Prompt = { box: { x1: 0, y1: 0, x2: 9, y2: 9 }, points: [], lowRes: null };
const click: Prompt = { box: null, points: [{ x: 1, y: 1, label: 'positive' }], lowRes: null };
const clicks: Prompt = { ...click, points: [...click.points, { x: 2, y: 2, label: 'negative' }] };
const refined: Prompt = { ...click, lowRes: { width: 1, height: 1, data: new Float32Array(1) } };
const recorded: Prompt = { ...click, lowRes: { width: 0, height: 0, data: new Float32Array(0) } };
const four = [0.9, 0.4, 0.8, 0.6];

test('SAM 1 with all tokens: index 0, but the best of the others for a single click', () => {
  expect(bestCandidate('sam1', four, box, {})).toBe(0);
  expect(bestCandidate('sam1', four, clicks, {})).toBe(0);
  expect(bestCandidate('sam1', four, refined, {})).toBe(0);
  expect(bestCandidate('sam1', four, click, {})).toBe(2);
  expect(bestCandidate('sam1', four, recorded, {})).toBe(2);
});

test('others: the best predicted IoU', () => {
  expect(bestCandidate('sam2', [0.3, 0.9, 0.5], box, {})).toBe(1);
  expect(bestCandidate('sam1', [0.3, 0.5, 0.9], click, {})).toBe(2);
  expect(bestCandidate('efficientsam', [0.3, Number.NaN, 0.2], click, {})).toBe(0);
  expect(bestCandidate('efficientsam', [Number.NaN, 0.1], click, {})).toBe(1);
  expect(bestCandidate('sam1', [0.1], click, {})).toBe(0);
});

test('a surrogate has its answer first', () => {
  expect(bestCandidate('sam2', [0.3, 0.9, 0.5], click, { surrogate: 'true' })).toBe(0);
});
