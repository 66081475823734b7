import { type Coordinates, isInsideView, maxCoordinate } from '@shared/geometry/view';
import {
  type RawCall,
  type ToolCall,
  toolCallSchema,
  toolDefinition,
  toolNameSchema,
  toolNames,
} from '@shared/tools/definitions';
import { activeObjectOf, type EnvironmentState } from './state';

/**
 * Decides whether a call can run in a state. The refusal's text goes to the policy: it says what was wrong and
 * what is allowed.
 */
export function checkCall(
  state: EnvironmentState,
  call: RawCall | null,
  coordinates: Coordinates,
  problem: string | null,
): { call: ToolCall } | { invalid: string } {
  if (!call) return { invalid: problem ?? 'The answer held no tool call. Answer with exactly one.' };
  const name = toolNameSchema.safeParse(call.name);
  if (!name.success) {
    return {
      invalid: `There is no tool "${call.name.slice(0, 80)}". The tools are ${toolNames.join(', ')}.`,
    };
  }
  const parsed = toolCallSchema.safeParse(call);
  if (!parsed.success) return { invalid: `${usage(name.data)} ${problemOf(parsed.error.issues[0])}` };
  const refused = refusalOf(state, parsed.data, coordinates);
  return refused === null ? { call: parsed.data } : { invalid: refused };
}

function refusalOf(state: EnvironmentState, call: ToolCall, coordinates: Coordinates): string | null {
  const active = activeObjectOf(state);
  const range = maxCoordinate(state.view, coordinates);
  const outside = `x must be 0 to ${range.width} and y 0 to ${range.height} in this view.`;
  switch (call.name) {
    case 'segment_box':
    case 'zoom': {
      const { x1, y1, x2, y2 } = call.arguments;
      const corners = [
        { x: x1, y: y1 },
        { x: x2, y: y2 },
      ];
      if (!corners.every((corner) => isInsideView(state.view, coordinates, corner))) {
        return `The box ${x1} ${y1} ${x2} ${y2} leaves the view: ${outside}`;
      }
      if (x1 >= x2 || y1 >= y2) {
        return `The box ${x1} ${y1} ${x2} ${y2} has no area: x1 must be less than x2 and y1 less than y2.`;
      }
      return null;
    }
    case 'add_point': {
      const { x, y, label } = call.arguments;
      if (!isInsideView(state.view, coordinates, { x, y }))
        return `The point ${x} ${y} leaves the view: ${outside}`;
      const hasPrompt = active.prompt.box !== null || active.prompt.points.length > 0;
      return label === 'negative' && !hasPrompt
        ? 'A negative point needs a mask to take away from: start with segment_box or a positive point.'
        : null;
    }
    case 'revert':
      return call.arguments.turn < state.turn
        ? null
        : `There is nothing to revert to at turn ${call.arguments.turn}: use 0 to ${Math.max(0, state.turn - 1)}.`;
    case 'new_object':
      return active.mask ? null : 'The active object has no mask yet: segment it before you start another.';
    case 'finish':
      return state.objects.some((object) => object.mask?.data.includes(1))
        ? null
        : 'There is no mask to submit: segment the target first, or use report_no_target if nothing matches.';
    default:
      return null;
  }
}

function usage(name: ToolCall['name']): string {
  const names = toolDefinition(name).arguments.map((argument) => argument.name);
  return names.length === 0 ? `${name} takes no arguments.` : `${name} takes ${names.join(', ')}.`;
}

function problemOf(issue: { path: PropertyKey[]; message: string } | undefined): string {
  if (!issue) return 'The arguments are wrong.';
  const field = issue.path.filter((part) => part !== 'arguments').join('.');
  return field === '' ? `${issue.message}.` : `${field}: ${issue.message}.`;
}
