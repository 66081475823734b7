import { MaskwrightError } from '@shared/contract/errors';
import { decodeMask, type Rle } from '@shared/mask/rle';
import type { ObservedObject, Trajectory } from '@shared/trajectory/schema';
import type { ImageSource, Prompt, Segmentation, Segmenter } from './segmenter';

interface Recorded {
  mask: Rle;
  predictedIou: number | null;
  candidate: number | undefined;
}

/**
 * Answers as a recorded trajectory did, with no model: the same image and the same prompts (box and points, in
 * order) give the recorded mask and predicted IoU, for the same candidate where a person chose one. Of equal prompts the
 * first recorded answer counts. The recording
 * holds no logits, so `lowRes` has no size, which other segmenters take as none.
 *
 * Other prompts and other images go to `inner`; without one they are MODEL_MISSING. Closing leaves `inner` open.
 */
export function recordedSegmenter(trajectory: Trajectory, inner: Segmenter | null): Segmenter {
  const { image: recordedImage, segmenter } = trajectory.header;
  const answers = recordedAnswers(trajectory);
  const isRecorded = (image: ImageSource): boolean => image.hash === recordedImage.hash;
  return {
    identity: { name: segmenter.name, signature: 'recorded' },
    async encode(image, options) {
      // The recording needs no embedding; what comes after it does, and that request makes it.
      if (!isRecorded(image)) await inner?.encode(image, options);
    },
    async segment(image, prompt, options) {
      const recorded = isRecorded(image) ? answerFor(answers, prompt, options?.candidate) : undefined;
      if (recorded !== undefined) return segmentationOf(recorded);
      if (inner !== null) return inner.segment(image, prompt, options);
      throw new MaskwrightError(
        'MODEL_MISSING',
        'These prompts are not in the recording, and no segmenter is ready.',
        {
          hint: 'Set up a segmenter under Models, or play the recorded turns only.',
        },
      );
    },
    async close() {},
  };
}

/** The answer of which the same candidate was chosen, else any to these prompts. */
function answerFor(
  answers: ReadonlyMap<string, Recorded>,
  prompt: Prompt,
  candidate: number | undefined,
): Recorded | undefined {
  const key = promptKey(prompt);
  return answers.get(chosenKey(key, candidate)) ?? (candidate === undefined ? answers.get(key) : undefined);
}

function recordedAnswers(trajectory: Trajectory): Map<string, Recorded> {
  const answers = new Map<string, Recorded>();
  const observations = [trajectory.root, ...trajectory.nodes.map((node) => node.observation)];
  for (const object of observations.flatMap((observation) => observation?.objects ?? [])) {
    const { mask, predictedIou, candidate } = object;
    if (mask === null) continue;
    const key = promptKey(object);
    for (const name of [key, chosenKey(key, candidate)]) {
      if (!answers.has(name)) answers.set(name, { mask, predictedIou, candidate });
    }
  }
  return answers;
}

function chosenKey(key: string, candidate: number | undefined): string {
  return `${key} ${candidate ?? 'best'}`;
}

/** Prompts as text. Numbers survive JSON unchanged, so equal prompts have equal texts. */
function promptKey({ box, points }: Pick<Prompt, 'box' | 'points'> | ObservedObject): string {
  return JSON.stringify([
    box === null ? null : [box.x1, box.y1, box.x2, box.y2],
    points.map(({ x, y, label }) => [x, y, label]),
  ]);
}

function segmentationOf({ mask, predictedIou, candidate }: Recorded): Segmentation {
  return {
    candidates: [
      {
        mask: decodeMask(mask),
        predictedIou: predictedIou ?? 0,
        lowRes: { width: 0, height: 0, data: new Float32Array(0) },
      },
    ],
    best: 0,
    ...(candidate === undefined ? {} : { chosen: candidate }),
  };
}
