import { boxIou } from '../geometry/box';
import type { Box } from '../geometry/types';
import { rleBox } from '../mask/rle';
import { toolCallSchema } from '../tools/definitions';
import { gestureOf } from '../tools/gesture';
import type { Naming } from './naming';
import { sideOf } from './places';
import { observationBefore, type VisibleTurn } from './visible';

/** A box that shares less with every thing (IoU) is drawn around none of them. */
const leastShared = 0.4;

const ordinals = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh'];

/**
 * A short thought that says what the thing is: a small model that has to say it first has to know it before it places a
 * box. It is a function of what is visible and of names that anyone would give; it holds no coordinates and no IoU.
 */
export function namedThought(visible: VisibleTurn, naming: Naming): string {
  const { query, count } = naming;
  const observation = observationBefore(visible);
  const parsed = toolCallSchema.safeParse(visible.call);
  if (!parsed.success) return `It is the ${query}.`;
  const gesture = gestureOf(parsed.data, observation.view, visible.coordinates);
  const active = observation.objects.find(({ id }) => id === observation.activeObject);
  const covered = active?.mask ? rleBox(active.mask) : null;
  const nth = observation.objects.findIndex(({ id }) => id === observation.activeObject);
  const aim = count > 1 ? naming.things[nth]?.name : query;
  switch (gesture.name) {
    case 'segment_box': {
      const thing = thingIn(naming, gesture.box);
      if (!covered) {
        const isAll = count > 1 && nth === 0 && !thing;
        return isAll ? `There are ${count} ${query}: one box for all.` : introduction(naming, thing, nth);
      }
      const isElsewhere = boxIou(active?.box ?? covered, gesture.box) < 0.3;
      const name = thing?.name ?? query;
      return isElsewhere ? `The mask misses the ${name}.` : `The mask fits the ${name} badly.`;
    }
    case 'add_point':
      if (!covered) return introduction(naming, null, nth);
      return gesture.label === 'positive'
        ? `The mask misses a part ${sideOf(covered, gesture.point)}.`
        : `The mask covers too much ${sideOf(covered, gesture.point)}.`;
    case 'zoom': {
      const small = aim ?? query;
      const isSaid = small.startsWith('small ');
      const look = isSaid ? `The ${small} needs a closer look.` : `The ${small} is small.`;
      return covered ? `The mask misses the ${small}.` : look;
    }
    case 'zoom_out':
      return covered
        ? `The ${aim ?? query} goes beyond this view.`
        : `The ${aim ?? query} is outside this view.`;
    case 'revert':
      return 'The mask was better before.';
    case 'new_object':
      return 'The mask fits this one. On to the next.';
    case 'finish': {
      if (count < 2) return `The mask fits the ${query}.`;
      const masks = observation.objects.filter(({ mask }) => mask).length;
      return masks < count ? `The mask covers the ${count} ${query}.` : `All ${count} ${query} are covered.`;
    }
    case 'report_no_target': {
      const taken = covered && thingIn(naming, active?.box ?? covered);
      return taken ? `That is the ${taken.name}. There is no ${query}.` : `There is no ${query}.`;
    }
  }
}

interface Found {
  name: string;
  isTarget: boolean;
}

/** What is said before the first prompt of an object. */
function introduction({ query, count }: Naming, thing: Found | null, nth: number): string {
  if (thing && !thing.isTarget) return `It is the ${thing.name}.`;
  if (count < 2) return `It is the ${query}.`;
  const ordinal = ordinals[nth] ?? 'next';
  return nth === 0
    ? `There are ${count} ${query}: this is the first.`
    : `This is the ${ordinal} of ${count} ${query}.`;
}

/** The thing that a box is drawn around. */
function thingIn({ things, count }: Naming, box: Box): Found | null {
  let found: Found | null = null;
  let most = leastShared;
  for (const [index, thing] of things.entries()) {
    const shared = boxIou(thing.box, box);
    if (shared < most) continue;
    most = shared;
    found = { name: thing.name, isTarget: index < count };
  }
  return found;
}
