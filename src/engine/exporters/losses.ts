import type { Loss, LossKind } from '@shared/contract/formats';

/** Examples that are kept of each kind. */
const maxExamples = 5;

/** Gathers what a format could not express, by kind, with the first few examples of each. */
export class Losses {
  readonly #byKind = new Map<LossKind, Loss>();

  /** `example` names the annotation, class or image for people. */
  add(kind: LossKind, example: string): void {
    const loss = this.#byKind.get(kind) ?? { kind, count: 0, examples: [] };
    loss.count += 1;
    if (loss.examples.length < maxExamples) loss.examples.push(example);
    this.#byKind.set(kind, loss);
  }

  get count(): number {
    return [...this.#byKind.values()].reduce((sum, loss) => sum + loss.count, 0);
  }

  list(): Loss[] {
    return [...this.#byKind.values()].map((loss) => ({ ...loss, examples: [...loss.examples] }));
  }
}

const sentences: Record<LossKind, (n: number) => string> = {
  'holes-filled': (n) => `${n} masks have holes, which are filled`,
  'parts-joined': (n) => `${n} masks have several parts, which are joined by a line of one pixel`,
  'run-lengths': (n) => `${n} masks have holes or several parts and are written as run lengths`,
  simplified: (n) => `${n} masks are changed by simplifying their outlines`,
  'crowd-left-out': (n) => `${n} crowd regions are left out`,
  'crowd-flag': (n) => `${n} crowd regions are written as ordinary objects`,
  overlap: (n) => `${n} masks lose pixels to masks above them`,
  covered: (n) => `${n} masks lie wholly under others and are lost`,
  attributes: (n) => `${n} annotations lose attributes, query or score`,
  'class-renamed': (n) => `${n} classes are written under another name`,
  'class-merged': (n) => `${n} classes have the name of another and become one with it`,
  'class-unknown': (n) => `${n} annotations have a class that was made or deleted meanwhile and are left out`,
  'file-renamed': (n) => `${n} images are written under another name`,
  'same-name': (n) =>
    `${n} images differ from another only in folder or extension; readers will not find their labels`,
  'many-classes': (n) => `${n} class masks have 16 bits, because there are more than 254 classes`,
  'many-objects': (n) => `${n} object masks have 16 bits, because the image has more than 254 objects`,
  'image-missing': (n) => `${n} image files could not be read`,
  unreadable: (n) => `${n} trajectories are damaged and left out`,
  'folder-not-empty': () => 'The folder held files before, which may be of another export',
};

/** What was lost, in one English sentence: for the command line and the log. */
export function lossSentence({ kind, count, examples }: Loss): string {
  const more = count > examples.length ? ', …' : '';
  return `${sentences[kind](count)}: ${examples.join(', ')}${more}`;
}
