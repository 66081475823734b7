import type { TourStep } from '../../state/tour.svelte';

export const tour = {
  label: 'Tour',
  offer: 'New here? Seven short steps show the whole loop on these pictures.',
  start: 'Take the tour',
  notNow: 'No, thanks',
  of: (step: number, steps: number) => `Step ${step} of ${steps}`,
  skip: 'Skip this step',
  end: 'End the tour',
  openSample: 'Open the sample project',
  steps: {
    sample: [
      'The sample project',
      'It comes with drawn scenes and what can be asked of them, and with photographs for which turns of an agent are recorded. The tour needs no model.',
    ],
    image: [
      'Choose a photograph',
      'Pick a photograph with recorded turns below the scenes, such as the bus. [[view.nextImage]] goes on by one. The mark on a picture says whether it is to do, to review or done.',
    ],
    step: [
      'Ask for the next call',
      'Press Step or [[agent.step]]. The agent’s call appears as a dashed ghost on the picture. Nothing has run yet.',
    ],
    decide: [
      'Decide about the call',
      'Run it with [[decide.accept]], refuse it with [[decide.reject]], or drag its box or point to a better place: that is a correction, and the agent goes on from it.',
    ],
    accept: [
      'Keep the mask',
      'Go on with [[decide.accept]] until the agent has ended and the mask fits. One more [[decide.accept]] accepts it, with a class. It is on the disk at once.',
    ],
    own: [
      'Draw one yourself',
      'Take the box with [[draw.box]] and drag over something else. The segmenter answers with a mask. A point with Alt takes something away.',
    ],
    undo: ['Take it back', 'Press [[decide.undo]]. Every decision can be undone, also after a restart.'],
  } satisfies Record<TourStep, readonly [string, string]>,
  done: 'That is the loop',
  doneHint:
    'Say what to find, decide about each call, keep the mask. [[go.keys]] shows all keys, [[go.palette]] finds any command, [[go.help]] explains the page.',
  finish: 'Done',
};
