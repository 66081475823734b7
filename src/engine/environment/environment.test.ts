import { defaultViewConfig } from '@shared/geometry/view';
import { createBitmap } from '@shared/mask/bitmap';
import { rleArea } from '@shared/mask/rle';
import type { RawCall } from '@shared/tools/definitions';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { Environment, type StepResult } from './environment';

function environment(options: { turnBudget?: number; coordinates?: 'norm1000' | 'pixel' } = {}): Environment {
  const coordinates = options.coordinates ?? 'norm1000';
  const truth = createBitmap(100, 80);
  for (let y = 20; y < 60; y++) truth.data.fill(1, y * 100 + 10, y * 100 + 50);
  return new Environment({
    image: greyImage(100, 80),
    segmenter: shapeSegmenter(),
    coordinates,
    viewConfig: defaultViewConfig(coordinates),
    turnBudget: options.turnBudget ?? 8,
    groundTruth: { mask: truth, ignore: null },
  });
}

async function play(env: Environment, ...calls: (RawCall | null)[]): Promise<StepResult> {
  let result = env.reset();
  for (const call of calls) result = await env.step(result.state, call);
  return result;
}

const box: RawCall = { name: 'segment_box', arguments: { x1: 100, y1: 250, x2: 500, y2: 750 } };
const call = (name: string, args: Record<string, unknown> = {}): RawCall => ({ name, arguments: args });

describe('environment', () => {
  it('turns a box into a mask in image pixels', async () => {
    const { observation, invalid, iou } = await play(environment(), box);
    expect(invalid).toBeNull();
    expect(iou).toBe(1);
    expect(observation.objects[0]?.box).toEqual({ x1: 10, y1: 20, x2: 50, y2: 60 });
    const { mask } = observation.objects[0] ?? {};
    expect(mask && rleArea(mask)).toBe(1600);
    expect(observation.text).toBe(
      [
        'Turn 1 of 8, 7 left.',
        'View: whole image.',
        'Object 1 (active): box 100 250 500 750, area 20.0 %, predicted IoU 0.90. Prompts: 1 box.',
      ].join('\n'),
    );
  });

  it('never says anything of the ground truth in an observation', async () => {
    const { observation } = await play(environment(), box);
    expect(JSON.stringify(observation)).not.toMatch(/iou":1|groundTruth/);
  });

  it('gives the low-resolution answer back to refine it', async () => {
    const segmenter = shapeSegmenter();
    const env = new Environment({ ...environment().options, segmenter });
    await play(env, box, call('add_point', { x: 600, y: 500, label: 'positive' }));
    expect(segmenter.calls[0]?.lowRes).toBeNull();
    expect(segmenter.calls[1]).toMatchObject({
      box: { x1: 10 },
      points: [{ x: 60, y: 40, label: 'positive' }],
    });
    expect(segmenter.calls[1]?.lowRes).not.toBeNull();
  });

  it.each([
    ['no call', null, /no tool call/],
    ['an unknown tool', call('paint'), /no tool "paint".*segment_box/],
    ['a missing argument', call('segment_box', { x1: 1, y1: 2, x2: 3 }), /takes x1, y1, x2, y2.*y2/],
    ['a wrong type', call('add_point', { x: 'left', y: 2, label: 'positive' }), /x/],
    ['an extra argument', call('finish', { now: true }), /takes no arguments/],
    [
      'a box outside the view',
      call('segment_box', { x1: 0, y1: 0, x2: 1001, y2: 10 }),
      /leaves the view.*1000/,
    ],
    ['a box of no area', call('segment_box', { x1: 5, y1: 5, x2: 5, y2: 10 }), /no area/],
    ['a point outside the view', call('add_point', { x: 0, y: 1001, label: 'positive' }), /leaves the view/],
    ['a negative point first', call('add_point', { x: 1, y: 1, label: 'negative' }), /needs a mask/],
    ['a second object before the first', call('new_object'), /no mask yet/],
    ['finish without a mask', call('finish'), /no mask to submit/],
    ['revert to the future', call('revert', { turn: 3 }), /nothing to revert to/],
  ])('refuses %s, spends the turn and changes nothing', async (_name, wrong, reason) => {
    const env = environment();
    const before = env.reset();
    const { state, invalid, observation } = await env.step(before.state, wrong);
    expect(invalid).toMatch(reason);
    expect(observation.text).toContain('Invalid call');
    expect(state.turn).toBe(1);
    expect({ ...state, turn: 0, past: [] }).toEqual(before.state);
  });

  it('places prompts precisely in a zoomed view', async () => {
    const zoomed = await play(environment(), call('zoom', { x1: 0, y1: 250, x2: 500, y2: 750 }));
    const { view } = zoomed.state;
    expect(view.box).toEqual({ x1: 0, y1: 20, x2: 50, y2: 60 });
    const { state } = await environment().step(
      zoomed.state,
      call('segment_box', { x1: 200, y1: 0, x2: 1000, y2: 1000 }),
    );
    expect(state.objects[0]?.prompt.box).toEqual({ x1: 10, y1: 20, x2: 50, y2: 60 });
    const back = await environment().step(state, call('zoom_out'));
    expect(back.state.view.box).toEqual({ x1: 0, y1: 0, x2: 100, y2: 80 });
  });

  it('says when a call has no effect', async () => {
    const { observation } = await play(environment(), call('zoom_out'));
    expect(observation.text).toContain('nothing changed');
    const repeated = await play(environment(), box, box);
    expect(repeated.observation.text).toContain('The mask did not change.');
  });

  it('reverts prompts and mask of the active object', async () => {
    const env = environment();
    const after = await play(
      env,
      box,
      call('add_point', { x: 900, y: 500, label: 'positive' }),
      call('revert', { turn: 1 }),
    );
    expect(after.iou).toBe(1);
    expect(after.state.objects[0]?.prompt.points).toEqual([]);
    const empty = await env.step(after.state, call('revert', { turn: 0 }));
    expect(empty.state.objects[0]?.mask).toBeNull();
  });

  it('submits the union of several objects', async () => {
    const second = call('segment_box', { x1: 600, y1: 0, x2: 700, y2: 100 });
    const { state, observation, iou } = await play(
      environment(),
      box,
      call('new_object'),
      second,
      call('finish'),
    );
    expect(state.ended).toBe('finished');
    expect(observation.objects.map((object) => object.id)).toEqual([1, 2]);
    expect(iou).toBeCloseTo(1600 / 1680, 6);
  });

  it('submits nothing with report_no_target', async () => {
    const { state, iou } = await play(environment(), box, call('report_no_target'));
    expect(state.ended).toBe('no_target');
    expect(iou).toBe(0);
  });

  it('truncates at the budget and keeps the mask', async () => {
    const { state, observation, iou } = await play(environment({ turnBudget: 2 }), call('zoom_out'), box);
    expect(state.ended).toBe('truncated');
    expect(iou).toBe(1);
    expect(observation.turnsLeft).toBe(0);
  });

  it('does not hold a person to the budget', async () => {
    const env = environment({ turnBudget: 1 });
    const { state } = await env.step(env.reset().state, box, { unbounded: true });
    expect(state.ended).toBeNull();
  });

  it('never throws and always spends one turn, whatever is called', async () => {
    const argument = fc.oneof(
      fc.integer({ min: -5, max: 1005 }),
      fc.constantFrom('positive', 'negative', 'x'),
      fc.double(),
    );
    const anyCall = fc.record({
      name: fc.constantFrom(
        'segment_box',
        'add_point',
        'zoom',
        'zoom_out',
        'revert',
        'new_object',
        'finish',
        '?',
      ),
      arguments: fc.dictionary(fc.constantFrom('x1', 'y1', 'x2', 'y2', 'x', 'y', 'label', 'turn'), argument),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyCall, { maxLength: 6 }),
        fc.constantFrom('norm1000', 'pixel'),
        async (calls, coordinates) => {
          const env = environment({ coordinates: coordinates === 'pixel' ? 'pixel' : 'norm1000' });
          let result = env.reset();
          for (const [index, wrong] of calls.entries()) {
            result = await env.step(result.state, wrong);
            expect(result.state.turn).toBe(index + 1);
            expect(result.observation.text.length).toBeGreaterThan(0);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
