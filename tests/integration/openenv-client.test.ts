import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { type DatasetTarget, readRefs } from '@engine/datasets';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { startEnvironmentHost } from '@engine/server/environment-host';
import { defaultRewardWeights } from '@shared/rewards/weights';
import { defaultConventions } from '@shared/tools/conventions';
import { describe, expect, it } from 'vitest';
import { hasPythonModule, python } from '../support/python';
import { shapeSegmenter } from '../support/shape-segmenter';
import { coco20, hasSharedData } from '../support/shared-data';

/** openenv-core is large, so it may live in an environment of its own: MASKWRIGHT_OPENENV_PYTHON. */
const interpreter = process.env.MASKWRIGHT_OPENENV_PYTHON ?? python;
const isReady =
  hasSharedData('OpenEnv’s own client') &&
  hasPythonModule('openenv.core', 'OpenEnv’s own client', interpreter);

const toolNames = [
  'segment_box',
  'add_point',
  'zoom',
  'zoom_out',
  'revert',
  'new_object',
  'finish',
  'report_no_target',
];

describe.skipIf(!isReady)('openenv-core’s own clients', () => {
  it('reset, step, read the state, are refused, find the server full, and call tools', async () => {
    const targets: DatasetTarget[] = [];
    for await (const target of readRefs(coco20.refs, coco20.instances, { images: coco20.images }))
      targets.push(target);
    const host = await startEnvironmentHost({
      world: {
        targets,
        segmenter: shapeSegmenter({ shift: 12 }),
        conventions: defaultConventions,
        turnBudget: 6,
        weights: defaultRewardWeights,
        renderer: new ObservationRenderer(),
        metrics: true,
      },
      host: '127.0.0.1',
      port: 0,
      token: null,
      sessions: 2,
      idle: { connectedMs: 60_000, statelessMs: 60_000, whenFullMs: 60_000 },
      log: () => undefined,
    });
    try {
      const script = resolve('tests/support/openenv_drive.py');
      const { stdout } = await promisify(execFile)(interpreter, [script, host.url], { maxBuffer: 1 << 26 });
      const seen = JSON.parse(stdout);
      expect(seen.play).toMatchObject({
        first: [false, null, 0, toolNames.length],
        turns: [1, 2],
        state: { episode_id: 'mine', step_count: 2, seed: 7 },
        last: [true, expect.any(Number)],
        same: true,
      });
      expect(seen.play.refused).toContain('VALIDATION_ERROR');
      expect(seen.play.over).toContain('EXECUTION_ERROR');
      expect(seen.late).toContain('CAPACITY_REACHED');
      expect(seen.listed).toEqual(toolNames);
      expect(seen.called).toBe(1);
      expect(seen.production).toEqual(['new_episode', ...toolNames]);
      expect(seen.direct).toEqual([0, 1, 'image']);
    } finally {
      await host.close();
    }
  });
});
