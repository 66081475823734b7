import { boxFromImage, type Coordinates, type View } from '@shared/geometry/view';
import { bitmapArea, bitmapBox } from '@shared/mask/bitmap';
import type { EnvironmentObject, EnvironmentState } from './state';

/**
 * The text of an observation: short and stable in form, numbers in the policy's coordinates of the current view.
 *
 * @param options.full the view of the whole image, in whose coordinates a zoomed view is described
 */
export function observationText(
  state: EnvironmentState,
  options: { coordinates: Coordinates; full: View; invalid: string | null; notes: readonly string[] },
): string {
  const lines: string[] = [];
  if (options.invalid !== null) lines.push(`Invalid call: ${options.invalid} Nothing changed.`);
  lines.push(
    `Turn ${state.turn} of ${state.turnBudget}, ${Math.max(0, state.turnBudget - state.turn)} left.`,
  );
  lines.push(viewLine(state.view, options.full, options.coordinates));
  for (const object of state.objects) lines.push(objectLine(object, state, options.coordinates));
  lines.push(...options.notes);
  if (state.ended === 'finished') lines.push('Submitted.');
  if (state.ended === 'no_target') lines.push('Submitted: no target.');
  if (state.ended === 'truncated') lines.push('No turns left: submitted as it is.');
  return lines.join('\n');
}

function viewLine(view: View, full: View, coordinates: Coordinates): string {
  const { box } = view;
  const whole =
    box.x1 === full.box.x1 && box.y1 === full.box.y1 && box.x2 === full.box.x2 && box.y2 === full.box.y2;
  if (whole) return 'View: whole image.';
  const at = boxFromImage(full, coordinates, box);
  return `View: zoomed to ${at.x1} ${at.y1} ${at.x2} ${at.y2} of the whole image.`;
}

function objectLine(object: EnvironmentObject, state: EnvironmentState, coordinates: Coordinates): string {
  const name = `Object ${object.id}${object.id === state.activeObject ? ' (active)' : ''}`;
  if (!object.mask) return `${name}: no mask yet.`;
  const box = bitmapBox(object.mask);
  if (!box) return `${name}: the mask is empty. ${promptCount(object)}.`;
  const at = boxFromImage(state.view, coordinates, box);
  const percent = (100 * bitmapArea(object.mask)) / (object.mask.width * object.mask.height);
  const predicted = object.predictedIou === null ? '' : `, predicted IoU ${object.predictedIou.toFixed(2)}`;
  return `${name}: box ${at.x1} ${at.y1} ${at.x2} ${at.y2}, area ${percent.toFixed(1)} %${predicted}. ${promptCount(object)}.`;
}

function promptCount({ prompt }: EnvironmentObject): string {
  const points = prompt.points.length;
  const parts = [
    ...(prompt.box ? ['1 box'] : []),
    ...(points > 0 ? [`${points} ${points === 1 ? 'point' : 'points'}`] : []),
  ];
  return `Prompts: ${parts.join(', ') || 'none'}`;
}
