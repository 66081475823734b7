import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyRle, encodeMask, type Rle } from '../../src/shared/mask/rle';
import { type Trajectory, trajectorySchemaVersion } from '../../src/shared/trajectory/schema';

/** A new empty folder for one test. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'maskwright-test-'));
}

/** A filled rectangle in an image, all in pixels. */
export function rectangle(
  size: { width: number; height: number },
  box: { x: number; y: number; width: number; height: number },
): Rle {
  const data = new Uint8Array(size.width * size.height);
  for (let y = box.y; y < Math.min(size.height, box.y + box.height); y += 1) {
    data.fill(1, y * size.width + box.x, y * size.width + Math.min(size.width, box.x + box.width));
  }
  return encodeMask({ width: size.width, height: size.height, data });
}

export const emptyMask = (size: { width: number; height: number }): Rle =>
  emptyRle([size.height, size.width]);

const at = '2026-01-02T03:04:05.000Z';

/** A trajectory of one turn by an agent, finished. */
export function sampleTrajectory(
  id: string,
  mask: Rle,
  status: Trajectory['outcome']['status'] = 'finished',
): Trajectory {
  const [height, width] = mask.size;
  const view = { box: { x1: 0, y1: 0, x2: width, y2: height }, width, height };
  const observation = { text: '', view, activeObject: 1, turnsLeft: 7 };
  return {
    header: {
      schemaVersion: trajectorySchemaVersion,
      id,
      createdAt: at,
      application: { name: 'Maskwright', version: '0.1.0' },
      image: { hash: 'ab', name: 'a.png', width, height },
      query: 'the “red” box\n…',
      coordinates: 'norm1000',
      prompt: 'full',
      viewPixels: null,
      turnBudget: 8,
      policy: { kind: 'test', name: 'test' },
      segmenter: { name: 'test', signature: 'test' },
      view: { multiple: 28, minPixels: 1000, maxPixels: 1_000_000 },
      overlay: { activeColor: [255, 0, 0], otherColor: [0, 0, 255], alpha: 0.4, contourPx: 2, markerPx: 6 },
      seed: null,
    },
    root: { ...observation, objects: [], turn: 0 },
    nodes: [
      {
        id: 'n1',
        parent: null,
        author: 'agent',
        thought: 'It is red.',
        call: { name: 'segment_box', arguments: { box: [0, 0, 500, 500] } },
        raw: '<think>It is red.</think>',
        observation: {
          ...observation,
          objects: [{ id: 1, box: view.box, points: [], mask, predictedIou: 0.9 }],
          turn: 1,
        },
        invalid: null,
        ended: 'finished',
        timings: { policyMs: 1, environmentMs: 2 },
        usage: {},
        iou: null,
        at,
      },
    ],
    verdicts: [],
    outcome: { status, node: 'n1', masks: [mask], category: null, message: null },
  };
}
