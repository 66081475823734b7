import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '@shared/contract/errors';
import { isBackgroundName, type MaskClass } from '@shared/formats/voc';
import type { Size } from '@shared/geometry/types';
import { encodeMask, fromUncompressed, type Rle } from '@shared/mask/rle';
import { type PngPixels, readPng } from '../images/png';
import { pathInside } from '../project/paths';
import type { ProjectStore } from '../project/store';
import { ImageFinder } from './image-finder';
import { throwIfCancelled } from './import-images';
import {
  type AnnotationToImport,
  type ImageToImport,
  type ImportOptions,
  type ImportReport,
  ImportSession,
  importKeyOf,
} from './import-session';
import { type MaskFile, readMaskLayout } from './mask-layout';
import { originalText } from './original';

export interface ImportMasksOptions extends ImportOptions {
  /** File that names the classes of the values; null or absent: labelmap.txt or classes.txt of the folder. */
  classes?: string | null;
}

/** Value of pixels that belong to no class and are not background either. */
const ignoredValue = 255;
/** Colour of such pixels in Pascal VOC. */
const ignoredColor = '224,224,192';
/** Class of objects that nothing names. */
const unnamed = 'object';
/** A picture taken for a mask has more values than this. */
const maxObjects = 5000;

interface Found {
  category: string;
  mask: Rle;
}

/**
 * Imports masks that are PNG files: class numbers or colours, object numbers, or one file an object, in the layouts of
 * docs/formats.md. Throws NOT_FOUND and CANCELLED (what is done stays).
 */
export async function importMasks(
  store: ProjectStore,
  location: string,
  options: ImportMasksOptions,
): Promise<ImportReport> {
  const early: [string, string][] = [];
  const { images, classes, masks } = await readMaskLayout(
    location,
    { images: options.images, classes: options.classes ?? null },
    (item, reason) => early.push([item, reason]),
  );
  throwIfCancelled(options.signal);
  const session = new ImportSession(store, new ImageFinder(images), options);
  for (const [item, reason] of early) session.skip(item, reason);

  function* entries(): Generator<ImageToImport, void> {
    for (const [image, files] of masks) {
      yield {
        name: pathInside(images, image) ?? image,
        file: image,
        size: null,
        count: files.length,
        annotations: async (size) => {
          const annotations = new Map<string, AnnotationToImport>();
          for (const file of files) {
            const item = pathInside(location, file.file) ?? file.file;
            try {
              for (const { category, mask } of await readMasks(file, size, classes, (why) =>
                session.skip(item, why),
              )) {
                const importKey = importKeyOf(`masks ${category} ${mask.counts}`);
                if (annotations.has(importKey)) {
                  session.skip(item, `the same mask of ${category} is there twice`);
                  continue;
                }
                const categoryId = session.category(category);
                const original = originalText({ format: 'masks' });
                annotations.set(importKey, { categoryId, mask, importKey, original });
              }
            } catch (error) {
              session.skip(item, messageOf(error));
            }
          }
          return [...annotations.values()];
        },
      };
    }
  }
  return session.run(entries(), masks.size, basename(location));
}

async function pixelsOf(file: string, size: Size): Promise<PngPixels> {
  return readPng(await readFile(file), ({ width, height }) => {
    if (width !== size.width || height !== size.height)
      throw new Error(`the mask is ${width} × ${height} pixels, the image ${size.width} × ${size.height}`);
  });
}

/** `skip` is told what is left out of a file that is read otherwise. */
async function readMasks(
  mask: MaskFile,
  size: Size,
  classes: readonly MaskClass[] | null,
  skip: (reason: string) => void,
): Promise<Found[]> {
  const pixels = await pixelsOf(mask.file, size);
  if (mask.kind === 'object') {
    const values = objectValues(pixels);
    if (!values.some((value) => value !== 0)) throw new Error('it has no pixels');
    return [{ category: objectClass(mask.name, classes), mask: maskOfObject(values, size) }];
  }
  if (mask.kind === 'ids' || (mask.ids === null && pixels.bitDepth === 16 && pixels.values !== null)) {
    const values = pixels.values;
    if (values === null) throw new Error('it is in colours, not in object numbers');
    const byThousand = mask.kind === 'ids' && mask.cityscapes;
    return [...masksByValue(values, size)].map(([id, mask]) => ({
      category: byThousand ? className(id >= 1000 ? Math.floor(id / 1000) : id, classes) : unnamed,
      mask,
    }));
  }
  const named = classValues(pixels, classes, skip);
  if (mask.ids !== null) return objectsOfClasses(named, await pixelsOf(mask.ids, size), size);
  return [...masksByValue(named.values, size)].map(([value, mask]) => ({
    category: named.names.get(value) ?? className(value, classes),
    mask,
  }));
}

/** Non-zero where the one object of a file is. */
function objectValues({ values, rgb, palette }: PngPixels): Uint8Array | Uint16Array {
  if (values !== null) {
    // An index whose colour is black is background, whichever number it has.
    if (palette === null) return values;
    const lit = palette.map((color) => (color.some((channel) => channel !== 0) ? 1 : 0));
    return Uint8Array.from(values, (value) => lit[value] ?? 1);
  }
  const source = rgb ?? new Uint8Array();
  return Uint8Array.from({ length: source.length / 3 }, (_, i) =>
    source[3 * i] === 0 && source[3 * i + 1] === 0 && source[3 * i + 2] === 0 ? 0 : 1,
  );
}

/** Class values a pixel, 0 where there is none, with the names of those that have one. */
function classValues(
  pixels: PngPixels,
  classes: readonly MaskClass[] | null,
  skip: (reason: string) => void,
): { values: Uint16Array; names: Map<number, string> } {
  const names = new Map<number, string>();
  for (const { value, name } of classes ?? []) names.set(value, name);
  if (pixels.values !== null) {
    const values = Uint16Array.from(pixels.values);
    const isBinary =
      classes === null && distinctRaw(values).every((value) => value === 0 || value === ignoredValue);
    if (isBinary) names.set(ignoredValue, unnamed);
    else if (pixels.bitDepth <= 8 && !names.has(ignoredValue)) {
      const count = values.reduce((sum, value) => sum + (value === ignoredValue ? 1 : 0), 0);
      for (let i = 0; i < values.length; i++) if (values[i] === ignoredValue) values[i] = 0;
      if (count > 0) skip(`${count} pixels have the value 255, which is ignored`);
    }
    return { values: withoutBackground(values, classes), names };
  }
  const colors = new Map<string, number>();
  for (const { value, color } of classes ?? []) if (color !== null) colors.set(color.join(), value);
  if (colors.size === 0) throw new Error('it is in colours, and no labelmap.txt says what they mean');
  const rgb = pixels.rgb ?? new Uint8Array();
  const values = new Uint16Array(rgb.length / 3);
  const unknown = new Map<string, number>();
  for (let i = 0; i < values.length; i++) {
    const color = `${rgb[3 * i]},${rgb[3 * i + 1]},${rgb[3 * i + 2]}`;
    const value = colors.get(color);
    if (value !== undefined) values[i] = value;
    else if (color !== '0,0,0' && color !== ignoredColor) unknown.set(color, (unknown.get(color) ?? 0) + 1);
  }
  for (const [color, count] of unknown)
    skip(`${count} pixels have the colour ${color}, which labelmap.txt does not name`);
  return { values: withoutBackground(values, classes), names };
}

/** Classes that are called background are none. */
function withoutBackground(values: Uint16Array, classes: readonly MaskClass[] | null): Uint16Array {
  const background = new Set(
    (classes ?? []).filter(({ name }) => isBackgroundName(name)).map(({ value }) => value),
  );
  if (background.size === 0) return values;
  return values.map((value) => (background.has(value) ? 0 : value));
}

/** Objects by their numbers, each of the class that most of its pixels have. */
function objectsOfClasses(
  named: { values: Uint16Array; names: Map<number, string> },
  ids: PngPixels,
  size: Size,
): Found[] {
  const values = ids.values ?? numbersOfColors(ids.rgb ?? new Uint8Array());
  const votes = new Map<number, Map<number, number>>();
  for (let i = 0; i < values.length; i++) {
    const [id, value] = [values[i] ?? 0, named.values[i] ?? 0];
    if (id === 0 || value === 0) continue;
    const own = votes.get(id) ?? new Map<number, number>();
    votes.set(id, own.set(value, (own.get(value) ?? 0) + 1));
  }
  return [...masksByValue(values, size)]
    .filter(([id]) => ids.bitDepth === 16 || ids.values === null || id !== ignoredValue)
    .map(([id, mask]): Found => {
      const [best] = [...(votes.get(id) ?? [])].sort((a, b) => b[1] - a[1]);
      const category = best === undefined ? unnamed : (named.names.get(best[0]) ?? `class ${best[0]}`);
      return { category, mask };
    });
}

/** A number for every colour of a picture of objects; 0 for black and for the colour of ignored pixels. */
function numbersOfColors(rgb: Uint8Array): Uint16Array {
  const numbers = new Map([
    ['0,0,0', 0],
    [ignoredColor, 0],
  ]);
  const values = new Uint16Array(rgb.length / 3);
  let next = 1;
  for (let i = 0; i < values.length; i++) {
    const color = `${rgb[3 * i]},${rgb[3 * i + 1]},${rgb[3 * i + 2]}`;
    let number = numbers.get(color);
    if (number === undefined) {
      if (next > maxObjects) throw tooMany(`more than ${maxObjects} colours`);
      number = next;
      next += 1;
      numbers.set(color, number);
    }
    values[i] = number;
  }
  return values;
}

function distinctRaw(values: Uint8Array | Uint16Array): number[] {
  const seen = new Uint8Array(65536);
  for (const value of values) seen[value] = 1;
  const list: number[] = [];
  for (let value = 0; value < seen.length; value++) if (seen[value] === 1) list.push(value);
  return list;
}

/** The mask of every value but 0, in the order of values, in one pass. Throws an Error when there are too many. */
function masksByValue(values: Uint8Array | Uint16Array, { width, height }: Size): Map<number, Rle> {
  const wanted = distinctRaw(values).filter((value) => value !== 0);
  if (wanted.length > maxObjects) throw tooMany(`${wanted.length} values`);
  const runs = new Map(wanted.map((value) => [value, { counts: [] as number[], end: 0 }]));
  const pixels = width * height;
  let start = 0;
  let current = values[0] ?? 0;
  // Run lengths go down the columns.
  for (let p = 1; p <= pixels; p++) {
    const value = p === pixels ? -1 : (values[(p % height) * width + Math.floor(p / height)] ?? 0);
    if (value === current) continue;
    const own = runs.get(current);
    if (own !== undefined) {
      own.counts.push(start - own.end, p - start);
      own.end = p;
    }
    start = p;
    current = value;
  }
  const size: [number, number] = [height, width];
  return new Map(
    [...runs].map(([value, { counts, end }]) => [
      value,
      fromUncompressed({ size, counts: end < pixels ? [...counts, pixels - end] : counts }),
    ]),
  );
}

const tooMany = (what: string): Error =>
  new Error(`it has ${what}; a mask of at most ${maxObjects} objects is read`);

function maskOfObject(values: Uint8Array | Uint16Array, size: Size): Rle {
  return encodeMask({ ...size, data: Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)) });
}

function className(value: number, classes: readonly MaskClass[] | null): string {
  return classes?.find((entry) => entry.value === value)?.name ?? `class ${value}`;
}

/** What a file's name says of the class: the text before a number at its end; hashes and plain numbers say nothing. */
function objectClass(name: string, classes: readonly MaskClass[] | null): string {
  const text = name.replace(/[_. -]*\d*$/, '').trim();
  if (text === '' || /^(masks?|objects?|instances?)$/i.test(text) || /^[0-9a-f]{16,}$/i.test(name))
    return unnamed;
  return /^\d+$/.test(text) ? className(Number(text), classes) : text.replace(/_/g, ' ');
}
