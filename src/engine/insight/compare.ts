import { setImmediate as breathe } from 'node:timers/promises';
import { MaskwrightError } from '@shared/contract/errors';
import type { Agreement, AgreementCase } from '@shared/contract/methods';
import {
  agree,
  boundaryFOf,
  classKey,
  hasPixels,
  type ImageAgreement,
  type LabelledMask,
  type Match,
  matchImages,
} from '@shared/insight/agreement';
import { meanOf, shareOf } from '@shared/insight/intervals';
import { categoryNames, maskOf, readCocoFile } from '../datasets/coco';
import type { CocoImage } from '../datasets/coco-format';
import type { ProjectImage, ProjectStore } from '../project';

export interface CompareOptions {
  file: string;
  threshold: number;
  onlyDone: boolean;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

/** A finished comparison, with the masks of its worst cases. */
export interface Comparison {
  agreement: Agreement;
  worst: AgreementCase[];
}

/** Cases that are listed and can be looked at. */
const mostCases = 200;
/** Cases kept while comparing, before the worst are chosen. */
const mostKept = mostCases * 10;

interface Named extends LabelledMask {
  /** As it is shown; `className` is what is compared. */
  label: string;
}

interface ClassCounts {
  name: string;
  gold: number;
  ours: number;
  matched: number;
  missed: number;
  extra: number;
  confused: number;
  ious: number[];
  boundaries: number[];
}

/**
 * Compares the project's masks with those of a COCO instances file that is held to be right.
 *
 * @throws MaskwrightError NOT_FOUND or FORMAT_UNREADABLE for the file, INVALID_REQUEST when it names no image of the
 *   project, CANCELLED
 */
export async function compareWithGold(store: ProjectStore, options: CompareOptions): Promise<Comparison> {
  const { file, threshold, onlyDone, signal, onProgress } = options;
  const gold = await readCocoFile(file);
  const names = categoryNames(gold.categories);
  const matching = matchImages(
    gold.images.map((image) => ({ name: image.file_name, width: image.width, height: image.height, image })),
    store.allImages().map((image) => ({ name: image.path, width: image.width, height: image.height, image })),
  );
  if (matching.pairs.length === 0) {
    throw new MaskwrightError('INVALID_REQUEST', 'The file names no image of this project.', {
      hint: 'Images are found by file name and size. Choose the file that belongs to these images.',
    });
  }
  const pairs = matching.pairs.filter(({ ours }) => !onlyDone || ours.image.state === 'done');
  const labels = new Map(store.categories().map(({ id, name }) => [id, name]));
  let unreadable = gold.skipped.length;
  const goldMasks = (image: CocoImage): Named[] =>
    (gold.annotations.get(String(image.id)) ?? []).flatMap((annotation) => {
      const mask = maskOf(annotation, image, () => {
        unreadable += 1;
      });
      const name = names.get(annotation.category_id) ?? String(annotation.category_id);
      const isCrowd = annotation.iscrowd === 1 || annotation.iscrowd === true;
      return mask === null ? [] : [named(mask, name, isCrowd)];
    });
  const ourMasks = (image: ProjectImage): Named[] =>
    store
      .annotations(image.id)
      .map(({ mask, categoryId, iscrowd }) =>
        named(mask, labels.get(categoryId) ?? String(categoryId), iscrowd),
      );
  const tally = new Tally();
  for (const [index, { gold: goldImage, ours }] of pairs.entries()) {
    if (signal?.aborted) throw new MaskwrightError('CANCELLED', 'The comparison was stopped.');
    const ofGold = goldMasks(goldImage.image).filter(hasPixels);
    const ofOurs = ourMasks(ours.image).filter(hasPixels);
    tally.add(ours.image, agree(ofGold, ofOurs, threshold));
    onProgress?.(index + 1, pairs.length);
    await breathe();
  }
  const worst = tally.worst();
  return {
    worst,
    agreement: {
      file,
      at: new Date().toISOString(),
      threshold,
      onlyDone,
      images: {
        compared: pairs.length,
        notDone: matching.pairs.length - pairs.length,
        unknown: matching.unknown.length,
        otherSize: matching.otherSize.length,
        ambiguous: matching.ambiguous.length,
      },
      unreadable,
      ...tally.result(),
      worst: worst.map(({ gold: _gold, ours: _ours, ...rest }) => rest),
      moreCases: tally.cases - worst.length,
    },
  };
}

function named(mask: Named['mask'], label: string, isCrowd: boolean): Named {
  return { mask, label, className: classKey(label), isCrowd };
}

/** Adds up images. */
class Tally {
  cases = 0;
  readonly #classes = new Map<string, ClassCounts>();
  readonly #confusions = new Map<string, { gold: string; ours: string; count: number }>();
  #kept: AgreementCase[] = [];
  #ignored = 0;

  add(image: ProjectImage, { matched, confused, missed, extra, ignored }: ImageAgreement<Named>): void {
    this.#ignored += ignored.length;
    for (const match of matched) {
      const boundary = boundaryFOf(match.ours.mask, match.gold.mask);
      const counts = this.#of(match.gold);
      counts.gold += 1;
      counts.ours += 1;
      counts.matched += 1;
      counts.ious.push(match.iou);
      counts.boundaries.push(boundary);
      this.#keep(caseOf(image, 'matched', match, boundary));
    }
    for (const match of confused) {
      const goldCounts = this.#of(match.gold);
      goldCounts.gold += 1;
      goldCounts.confused += 1;
      this.#of(match.ours).ours += 1;
      const key = `${match.gold.className}\n${match.ours.className}`;
      const known = this.#confusions.get(key);
      if (known) known.count += 1;
      else this.#confusions.set(key, { gold: match.gold.label, ours: match.ours.label, count: 1 });
      this.#keep(caseOf(image, 'confused', match, boundaryFOf(match.ours.mask, match.gold.mask)));
    }
    for (const item of missed) {
      const counts = this.#of(item);
      counts.gold += 1;
      counts.missed += 1;
      this.#keep(caseOf(image, 'missed', { gold: item }, null));
    }
    for (const item of extra) {
      const counts = this.#of(item);
      counts.ours += 1;
      counts.extra += 1;
      this.#keep(caseOf(image, 'extra', { ours: item }, null));
    }
  }

  result(): Pick<Agreement, 'ignored' | 'total' | 'classes' | 'confusions'> {
    const classes = [...this.#classes.values()].sort(
      (a, b) => b.gold - a.gold || a.name.localeCompare(b.name),
    );
    const sum = (key: 'gold' | 'ours' | 'matched' | 'missed' | 'extra' | 'confused'): number =>
      classes.reduce((total, counts) => total + counts[key], 0);
    return {
      ignored: this.#ignored,
      total: {
        gold: sum('gold'),
        ours: sum('ours'),
        matched: sum('matched'),
        missed: sum('missed'),
        extra: sum('extra'),
        confused: sum('confused'),
        precision: shareOf(sum('matched'), sum('ours')),
        recall: shareOf(sum('matched'), sum('gold')),
        iou: meanOf(classes.flatMap(({ ious }) => ious)),
        boundaryF: meanOf(classes.flatMap(({ boundaries }) => boundaries)),
      },
      classes: classes.map(({ ious, boundaries, ...counts }) => ({
        ...counts,
        iou: meanOf(ious),
        boundaryF: meanOf(boundaries),
      })),
      confusions: [...this.#confusions.values()].sort((a, b) => b.count - a.count),
    };
  }

  worst(): AgreementCase[] {
    return this.#kept.sort(byBadness).slice(0, mostCases);
  }

  #of({ className, label }: Named): ClassCounts {
    const known = this.#classes.get(className);
    if (known) return known;
    const fresh: ClassCounts = {
      name: label,
      gold: 0,
      ours: 0,
      matched: 0,
      missed: 0,
      extra: 0,
      confused: 0,
      ious: [],
      boundaries: [],
    };
    this.#classes.set(className, fresh);
    return fresh;
  }

  /** A flawless match is no case to look at. */
  #keep(found: AgreementCase): void {
    if (found.kind === 'matched' && found.iou === 1) return;
    this.cases += 1;
    this.#kept.push(found);
    if (this.#kept.length >= mostKept) this.#kept = this.worst();
  }
}

function caseOf(
  image: ProjectImage,
  kind: AgreementCase['kind'],
  { gold, ours, iou }: Partial<Match<Named>>,
  boundary: number | null,
): AgreementCase {
  return {
    imageId: image.id,
    imageName: image.name,
    kind,
    goldClass: gold?.label ?? null,
    ourClass: ours?.label ?? null,
    iou: iou ?? null,
    boundaryF: boundary,
    gold: gold?.mask ?? null,
    ours: ours?.mask ?? null,
  };
}

const kinds: readonly AgreementCase['kind'][] = ['missed', 'extra', 'confused', 'matched'];

function byBadness(a: AgreementCase, b: AgreementCase): number {
  return kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || (a.iou ?? 0) - (b.iou ?? 0);
}
