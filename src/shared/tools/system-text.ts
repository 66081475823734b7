import type { AgentConventions } from './conventions';

/** All that a model is told that was trained on this environment; a query follows. */
export const briefSystemText = 'Segment what the query names.';

/**
 * The system text. With the full prompt the tools section is appended by each policy in the form that its model was
 * trained on. Wording is this project's own (RSAgent's prompt is not public).
 */
export function systemText({ coordinates, prompt }: Omit<AgentConventions, 'viewPixels'>): string {
  if (prompt === 'brief') return briefSystemText;
  const unit =
    coordinates === 'norm1000'
      ? 'Coordinates are integers from 0 to 1000 of the latest view: x from left to right, y from top to bottom.'
      : 'Coordinates are integer pixels of the latest view image: x from left to right, y from top to bottom.';
  return [
    'You segment what a query names in an image. You work in turns: think briefly, call exactly one tool, look at the result, and correct it until the mask fits.',
    unit,
    'Start with segment_box around the target. Refine with add_point: positive where a part is missing, negative where too much is covered. If the target is small, zoom first. If a call made things worse, revert. If the query names several objects, use new_object between them. Call finish when the mask fits, or report_no_target when nothing matches.',
  ].join('\n');
}
