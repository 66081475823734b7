import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatasetTarget, targetOf } from '@engine/datasets';
import { newTrajectory } from '@shared/trajectory/tree';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { policyFactory } from './policy-factory';

const folder = mkdtempSync(join(tmpdir(), 'maskwright-replay-'));
const file = join(folder, 'trajectories.jsonl');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A recording of no turn; its agent's name tells it from the others. */
function recording(hash: string, name: string, agent: string): string {
  return JSON.stringify(
    newTrajectory(
      {
        schemaVersion: 1,
        id: agent,
        createdAt: '2026-01-01T00:00:00.000Z',
        application: { name: 'Maskwright', version: '0' },
        image: { hash, name, width: 8, height: 8 },
        query: 'the cup',
        coordinates: 'norm1000',
        prompt: 'full',
        viewPixels: null,
        turnBudget: 8,
        policy: { kind: 'test', name: agent },
        segmenter: { name: 'test', signature: 'sam1' },
        view: { multiple: 32, minPixels: 1, maxPixels: 1 },
        overlay: { activeColor: [0, 0, 0], otherColor: [0, 0, 0], alpha: 0.5, contourPx: 1, markerPx: 1 },
        seed: null,
      },
      {
        text: '',
        view: { box: { x1: 0, y1: 0, x2: 8, y2: 8 }, width: 256, height: 256 },
        objects: [],
        activeObject: 1,
        turn: 0,
        turnsLeft: 8,
      },
    ),
  );
}

function target(fileName: string, query = 'the cup'): DatasetTarget {
  return targetOf({ key: fileName, fileName, query });
}

describe('a replay', () => {
  beforeAll(() => {
    const lines = [recording('aaa', 'one/a.jpg', 'first'), recording('bbb', 'a.jpg', 'second')];
    writeFileSync(file, `${lines.join('\n')}\n`);
  });

  it('finds its recording by the image’s content, then by its name', async () => {
    const { policyFor } = await policyFactory({ kind: 'replay', file }, {}, folder);
    const found = (fileName: string, hash: string): string =>
      policyFor(target(fileName), null, 0, hash).identity.name;
    expect(found('a.jpg', 'aaa')).toBe('first');
    expect(found('renamed.jpg', 'bbb')).toBe('second');
    expect(found('a.jpg', 'changed')).toBe('second');
    expect(() => found('other.jpg', 'ccc')).toThrow(/No recorded trajectory/);
    expect(() => policyFor(target('a.jpg', 'the saucer'), null, 0, 'aaa')).toThrow(/No recorded trajectory/);
  });
});
