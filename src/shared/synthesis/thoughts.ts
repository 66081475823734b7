import { boxIou } from '../geometry/box';
import { rleArea, rleBox } from '../mask/rle';
import { hashText, seededRandom } from '../random';
import { type ToolCall, toolCallSchema } from '../tools/definitions';
import { gestureOf } from '../tools/gesture';
import type { ObservedObject } from '../trajectory/schema';
import { placeOfBox, sideOf } from './places';
import { type ThoughtSituation, thoughtTemplates } from './thought-templates';
import { observationBefore, type VisibleTurn } from './visible';

/** Words that fill a template's gaps. */
type Fillings = Record<string, string>;

/**
 * A thought for a call, from a template. It is a function of what is visible and of the seed, and speaks of nothing but
 * what the observation before shows and what the call does; it names no coordinates.
 */
export function templateThought(visible: VisibleTurn, seed: number): string {
  const random = seededRandom(hashText(`${seed} ${visible.earlier.length} ${visible.query}`));
  const { situation, fillings } = situationOf(visible);
  const templates = thoughtTemplates[situation];
  const template = templates[Math.floor(random() * templates.length)] ?? templates[0];
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => fillings[name] ?? '');
  return filled.charAt(0).toUpperCase() + filled.slice(1);
}

/** A longer query, or one that is a sentence, does not fit into a sentence of ours. */
const longestPhrase = 6;

/** Words that a phrase may begin with as it stands; others get an article. */
const determiners =
  /^(the|an?|all|any|both|each|every\w*|some\w*|one|two|three|four|five|this|that|these|those|my|his|her|its|our|their|your)\b/i;

function nameOf(query: string): string {
  const text = query.trim();
  const words = text.split(/\s+/).length;
  if (words > longestPhrase || /[.?!,;:<>{}"]/.test(text)) return 'what the query asks for';
  return determiners.test(text) ? text : `the ${text}`;
}

function situationOf(visible: VisibleTurn): { situation: ThoughtSituation; fillings: Fillings } {
  const observation = observationBefore(visible);
  const active = observation.objects.find(({ id }) => id === observation.activeObject);
  const fillings: Fillings = { name: nameOf(visible.query) };
  const parsed = toolCallSchema.safeParse(visible.call);
  if (!parsed.success) return { situation: 'other', fillings };
  const call = parsed.data;
  const gesture = gestureOf(call, observation.view, visible.coordinates);
  const covered = active?.mask ? rleBox(active.mask) : null;
  const seen = (situation: ThoughtSituation, more: Fillings = {}) => ({
    situation,
    fillings: { ...fillings, ...more },
  });
  switch (gesture.name) {
    case 'segment_box': {
      const place = placeOfBox(observation.view.box, gesture.box);
      if (!covered) {
        const isNext = observation.objects.length > 1;
        return seen(isNext ? 'nextBox' : isZoomed(visible) ? 'boxInZoom' : 'firstBox', { place });
      }
      const was = placeOfBox(observation.view.box, active?.box ?? covered);
      return boxIou(active?.box ?? covered, gesture.box) < 0.3
        ? seen('otherPlace', { place, was })
        : seen('boxAgain', { place });
    }
    case 'zoom': {
      const place = placeOfBox(observation.view.box, gesture.box);
      return seen(covered ? 'zoomElsewhere' : 'zoom', { place });
    }
    case 'zoom_out':
      return seen('zoomOut');
    case 'add_point': {
      if (!covered) {
        const { x, y } = gesture.point;
        const place = placeOfBox(observation.view.box, { x1: x, y1: y, x2: x, y2: y });
        return seen('firstPoint', { place });
      }
      const side = sideOf(covered, gesture.point);
      return seen(gesture.label === 'positive' ? 'missing' : 'excess', { side });
    }
    case 'revert':
      return seen(growth(visible, call), { turn: String(gesture.turn) });
    case 'new_object':
      return seen('newObject');
    case 'finish':
      return finishing(visible, seen);
    case 'report_no_target':
      return seen(observation.objects.some(({ mask }) => mask) ? 'noTargetAfterAll' : 'noTarget');
  }
}

function isZoomed({ start, earlier }: VisibleTurn): boolean {
  const { box } = earlier.at(-1)?.observation.view ?? start.view;
  return boxIou(box, start.view.box) < 1;
}

/** What the turn that is taken back did to the mask, as its area shows. */
function growth(visible: VisibleTurn, call: ToolCall): ThoughtSituation {
  const turn = call.name === 'revert' ? call.arguments.turn : 0;
  const then = visible.earlier[turn - 1]?.observation;
  const now = observationBefore(visible);
  const before = areaOf(then?.objects.find(({ id }) => id === now.activeObject));
  const after = areaOf(now.objects.find(({ id }) => id === now.activeObject));
  if (before === null || after === null || before === after) return 'revert';
  return after > before ? 'revertGrown' : 'revertShrunk';
}

function areaOf(object: ObservedObject | undefined): number | null {
  return object?.mask ? rleArea(object.mask) : null;
}

function finishing(
  visible: VisibleTurn,
  seen: (situation: ThoughtSituation, more?: Fillings) => { situation: ThoughtSituation; fillings: Fillings },
): { situation: ThoughtSituation; fillings: Fillings } {
  const observation = observationBefore(visible);
  if (observation.objects.filter(({ mask }) => mask).length > 1) return seen('finishSeveral');
  if (observation.turnsLeft <= 2) return seen('finishLate');
  const predicted =
    observation.objects.find(({ id }) => id === observation.activeObject)?.predictedIou ?? null;
  const last = visible.earlier.at(-1)?.call?.name;
  if (last === 'add_point') return seen('finishRefined');
  return predicted !== null && predicted >= 0.85
    ? seen('finishSure', { predicted: predicted.toFixed(2) })
    : seen('finish');
}
