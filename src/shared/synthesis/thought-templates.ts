/**
 * Sentences for the situations in which a call is made. `{name}` is the query where it fits into a sentence, `{place}`
 * where a box lies in the view, `{side}` where a point lies in the mask. No coordinates, nothing that only someone with
 * the answer could say. The first letter becomes a capital.
 */
export const thoughtTemplates = {
  firstBox: [
    'I look for {name}. It is {place} of the view; a box around it.',
    '{name}: {place} of the picture. I start with a box.',
    'The query names {name}, which I see {place}. Draw a box around all of it.',
    'What matches is {place}. A box should give a first mask.',
    'Among the things in view, the one {place} is {name}. Box it.',
  ],
  boxInZoom: [
    'Enlarged like this, {name} can be boxed precisely: it is {place} of the view.',
    'Now {name} is large enough. A tight box {place}.',
    'In the enlarged view I see {name} {place}; box it.',
    'This is close enough to place the corners. {name} lies {place}.',
  ],
  nextBox: [
    'Another one that belongs to {name} is {place}; box it.',
    'The next one is {place}. A box around it.',
    'There is one more {place}; segment it in the same way.',
  ],
  otherPlace: [
    'The mask lies on something else, not on {name}. What is asked for is {place}; a new box there.',
    'Looking at the overlay, the thing {was} is not {name}. I try the one {place}.',
    'That is the wrong thing. {name} is rather {place}; start again with a box there.',
    'The mask shows that I took the wrong object. Drop it and box the one {place}.',
  ],
  boxAgain: [
    'The mask does not follow {name} well. A better box {place}.',
    'I draw the box anew, so that it holds {name} and little else.',
    'The first box did not fit; a new hypothesis from a corrected box.',
  ],
  zoom: [
    '{name} looks small in this view. Enlarge what is {place} first.',
    'It is hard to place a box on something this small; zoom to what is {place}.',
    'I see it {place}, but tiny. A closer look before I segment.',
    'Small target {place}: zoom in so that the corners can be placed well.',
  ],
  zoomElsewhere: [
    'This mask is not on {name}. I look closer at what is {place}.',
    'The overlay is on the wrong thing; what is {place} fits the query better. Enlarge it.',
    'That was something else. Zoom to the small thing {place}.',
  ],
  zoomOut: [
    'The place that I need lies outside of this view. Back to the whole image.',
    'I have to see more than this part; show the whole image again.',
    'Zoom out to reach what this view cuts off.',
  ],
  firstPoint: [
    'I see {name} {place}. One point in its middle to start with.',
    '{name} is {place}; a positive point on it gives a first mask.',
    'A click on the middle of {name}, {place} of the view.',
  ],
  missing: [
    'The mask leaves out a part of {name} {side}. A positive point there.',
    'Something is missing {side}; add a positive point.',
    '{name} goes on {side}, where the overlay ends. Include that part.',
    'Not all of it is covered yet: what is {side} should belong to the mask.',
  ],
  excess: [
    'The mask takes in something that is not {name} {side}. A negative point there.',
    'Too much is covered {side}; exclude it with a negative point.',
    'The overlay spills over {side}. Take that part away.',
    'What is covered {side} does not belong to {name}.',
  ],
  revert: [
    'The last call did not help. Back to the mask after turn {turn}.',
    'The mask was better after turn {turn}; revert to it.',
  ],
  revertGrown: [
    'The mask grew over things that do not belong to it. Back to turn {turn}.',
    'After the last call the mask covers too much; the one after turn {turn} was better.',
    'That spread too far. Revert to turn {turn}.',
  ],
  revertShrunk: [
    'The last call took away too much. Back to turn {turn}.',
    'The mask lost a part that belonged to it; the one after turn {turn} was better.',
    'It shrank more than it should. Revert to turn {turn}.',
  ],
  newObject: [
    'This one is covered. The query names more than one; start the next.',
    'One of them is done. On to another.',
    'The query is about several things: keep this mask and begin a new object.',
  ],
  finish: [
    'The mask follows {name}. Submit it.',
    'The overlay covers {name} and little else. Done.',
    'Nothing obvious is missing or too much; finish.',
    'I see no correction that would help. Submit.',
  ],
  finishSure: [
    'The outline follows {name} and the predicted IoU is {predicted}. Submit it.',
    'The mask looks right, with a predicted IoU of {predicted}; finish.',
    'Nothing is left to correct: the overlay fits {name}.',
    'The overlay covers {name} as it should. Done.',
  ],
  finishRefined: [
    'After the correction the mask covers {name}. Submit it.',
    'The last point settled it: the overlay follows {name}. Finish.',
    'The corrections are done, and the mask looks right. Submit.',
    'That looks right now; finish.',
  ],
  finishLate: [
    'Few turns are left, and the mask covers {name}. Submit it.',
    'The turns are nearly spent; this mask is my answer.',
    'This is the mask to submit while there are turns.',
  ],
  finishSeveral: [
    'All that the query names is covered, one mask each. Submit.',
    'Every one of them has its mask now. Finish.',
    'I see no further object that the query means. Submit the masks.',
  ],
  noTarget: [
    'I looked over the whole view, and nothing in it is {name}. Report that.',
    'None of the things in the picture matches the query.',
    'There is nothing here that could be {name}; report that there is no target.',
    'What comes close differs from what the query says. Nothing matches.',
  ],
  noTargetAfterAll: [
    'What I segmented is not {name}, and nothing else matches either. Report that there is no target.',
    'Looking at the overlay, this is something else; the picture holds no {name}.',
    'The thing under the mask does not match, nor does any other. No target.',
  ],
  other: ['I try this.'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type ThoughtSituation = keyof typeof thoughtTemplates;
