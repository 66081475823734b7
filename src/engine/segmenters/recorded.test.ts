import { MaskwrightError } from '@shared/contract/errors';
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { type Observation, type Trajectory, trajectorySchema } from '@shared/trajectory/schema';
import { expect, test } from 'vitest';
import { recordedSegmenter } from './recorded';
import type { ImageSource, Prompt, Segmenter } from './segmenter';

const image: ImageSource = {
  hash: 'abc',
  width: 8,
  height: 6,
  pixels: () => Promise.reject(new Error('not needed')),
};
const box = { x1: 1.25, y1: 1, x2: 4.1, y2: 5 };
const point = { x: 2.5, y: 2.3000000000000003, label: 'negative' as const };

function mask(pixel: number): Bitmap {
  const bitmap = createBitmap(8, 6);
  bitmap.data[pixel] = 1;
  return bitmap;
}

function observation(objects: Observation['objects']): Observation {
  const view = { box: { x1: 0, y1: 0, x2: 8, y2: 6 }, width: 8, height: 6 };
  return { text: '', view, objects, activeObject: 1, turn: 1, turnsLeft: 3 };
}

function recording(): Trajectory {
  const at = '2026-01-01T00:00:00.000Z';
  const node = (id: string, parent: string | null, objects: Observation['objects'] | null): unknown => ({
    id,
    parent,
    author: 'agent',
    thought: '',
    call: null,
    raw: '',
    observation: objects === null ? null : observation(objects),
    invalid: null,
    ended: null,
    timings: { policyMs: 0, environmentMs: 0 },
    usage: {},
    iou: null,
    at,
  });
  return trajectorySchema.parse(
    // Through JSON, as from a file.
    JSON.parse(
      JSON.stringify({
        header: {
          schemaVersion: 1,
          id: 't',
          createdAt: at,
          application: { name: 'm', version: '0' },
          image: { hash: 'abc', name: 'a.png', width: 8, height: 6 },
          query: 'q',
          coordinates: 'norm1000',
          turnBudget: 4,
          policy: { kind: 'human', name: 'p' },
          segmenter: { name: 'some-sam', signature: 'sam1' },
          view: { multiple: 28, minPixels: 1, maxPixels: 10 },
          overlay: { activeColor: [0, 0, 0], otherColor: [0, 0, 0], alpha: 1, contourPx: 1, markerPx: 1 },
          seed: null,
        },
        root: observation([{ id: 1, box: null, points: [], mask: null, predictedIou: null }]),
        nodes: [
          node('1', null, [{ id: 1, box, points: [], mask: encodeMask(mask(3)), predictedIou: 0.75 }]),
          node('2', '1', null),
          node('3', '1', [{ id: 1, box, points: [point], mask: encodeMask(mask(9)), predictedIou: null }]),
          node('4', '3', [{ id: 1, box, points: [], mask: encodeMask(mask(30)), predictedIou: 0.1 }]),
        ],
        verdicts: [],
        outcome: { status: 'open', node: null, masks: [], category: null, message: null },
      }),
    ),
  );
}

const boxPrompt: Prompt = { box, points: [], lowRes: null };

test('recorded prompts give the recorded answers, the first of equal ones', async () => {
  const segmenter = recordedSegmenter(recording(), null);
  expect(segmenter.identity).toEqual({ name: 'some-sam', signature: 'recorded' });
  await segmenter.encode(image);
  const first = await segmenter.segment(image, boxPrompt);
  expect(first.best).toBe(0);
  expect(first.candidates).toHaveLength(1);
  expect(first.candidates[0]).toMatchObject({ mask: mask(3), predictedIou: 0.75 });
  const lowRes = first.candidates[0]?.lowRes ?? null;
  const second = await segmenter.segment(image, { ...boxPrompt, points: [point], lowRes });
  expect(second.candidates[0]).toMatchObject({ mask: mask(9), predictedIou: 0 });
});

test('without another segmenter, new prompts are MODEL_MISSING', async () => {
  const segmenter = recordedSegmenter(recording(), null);
  const ask = segmenter.segment(image, { ...boxPrompt, points: [point, point] });
  await expect(ask).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  await expect(ask).rejects.toBeInstanceOf(MaskwrightError);
  await expect(segmenter.segment({ ...image, hash: 'other' }, boxPrompt)).rejects.toThrow(
    'not in the recording',
  );
});

test('new prompts and other images go to the other segmenter, which stays open', async () => {
  const asked: string[] = [];
  const inner: Segmenter = {
    identity: { name: 'inner', signature: 'sam2' },
    encode: async (source) => {
      asked.push(`encode ${source.hash}`);
    },
    segment: async (source) => {
      asked.push(`segment ${source.hash}`);
      return { candidates: [], best: 0 };
    },
    close: () => Promise.reject(new Error('closed')),
  };
  const segmenter = recordedSegmenter(recording(), inner);
  await segmenter.encode(image);
  await segmenter.segment(image, boxPrompt);
  await segmenter.segment(image, { ...boxPrompt, points: [point, point] });
  await segmenter.encode({ ...image, hash: 'other' });
  await segmenter.segment({ ...image, hash: 'other' }, boxPrompt);
  await segmenter.close();
  expect(asked).toEqual(['segment abc', 'encode other', 'segment other']);
});
