import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type MaskClass, parseMaskClasses } from '@shared/formats/voc';
import { extensionOf, pathInside } from '../project/paths';
import { requireFolder } from './folder';
import { readText } from './json-file';
import { type Skip, walkFiles, walkImages } from './walk';

/** What the pixels of a mask file say. */
export type MaskFile =
  /** Every pixel has the number (or colour) of a class; `ids`: a file of object numbers for the same image. */
  | { kind: 'classes'; file: string; ids: string | null }
  /** Every pixel has the number of an object. `cityscapes`: class × 1000 + number. */
  | { kind: 'ids'; file: string; cityscapes: boolean }
  /** The pixels that are not 0 are one object; `name`: what the file's name says of its class. */
  | { kind: 'object'; file: string; name: string };

export interface MaskLayout {
  /** Folder of the images. */
  images: string;
  /** Classes by value; null when no file names them. */
  classes: MaskClass[] | null;
  /** Mask files by image, in the order of the images. */
  masks: Map<string, MaskFile[]>;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

const imageFolders = ['images', 'JPEGImages', 'imgs', 'leftImg8bit'];
const maskFolder = /^(masks?|labels?|annotations?|gt|gtFine|segmentations?)\//i;
const maskSuffix =
  /[_.-](masks?|labels?|labelIds|labelTrainIds|instanceIds|instances?|class|classes|seg|segmentation|gt)$/i;

const isPng = (name: string): boolean => extensionOf(name) === '.png';
const stem = (path: string): string => path.slice(0, path.length - extensionOf(path).length);

async function readClasses(root: string, named: string | null): Promise<MaskClass[] | null> {
  if (named !== null) return parseMaskClasses(await readText(named));
  for (const folder of [root, dirname(root)]) {
    for (const name of ['labelmap.txt', 'classes.txt']) {
      const file = join(folder, name);
      const text = await readText(file).catch(() => null);
      if (text !== null) return parseMaskClasses(text);
    }
  }
  return null;
}

/** The images of a folder by path without extension, and by the last part of it where that is unambiguous. */
class ImageIndex {
  readonly #byPath = new Map<string, string>();
  readonly #byName = new Map<string, string | null>();

  add(folder: string, image: string): void {
    const path = stem(pathInside(folder, image) ?? image).replace(/_leftImg8bit$/, '');
    this.#byPath.set(path, image);
    const name = basename(path);
    this.#byName.set(name, this.#byName.has(name) ? null : image);
  }

  find(path: string): string | null {
    return this.#byPath.get(path) ?? this.#byName.get(basename(path)) ?? null;
  }

  findByPath(path: string): string | null {
    return this.#byPath.get(path) ?? null;
  }
}

/**
 * Finds masks and the images that they belong to. Throws NOT_FOUND; what fits nowhere is told to `skip`.
 * The layouts are described in docs/formats.md.
 */
export async function readMaskLayout(
  location: string,
  options: { images: string | null; classes: string | null },
  skip: Skip,
): Promise<MaskLayout> {
  const root = await requireFolder(location);
  const classes = await readClasses(root, options.classes);
  let images = options.images === null ? null : await requireFolder(options.images);
  for (const name of imageFolders) {
    if (images === null && (await isFolder(join(root, name)))) images = join(root, name);
  }
  const own = images ?? root;
  if (await isFolder(join(root, 'SegmentationClass')))
    return { images: own, classes, masks: await vocMasks(root, own, skip) };
  return { images: own, classes, masks: await looseMasks(root, own, skip) };
}

/** Pascal VOC: SegmentationClass and, where there is one, SegmentationObject. */
async function vocMasks(root: string, images: string, skip: Skip): Promise<Map<string, MaskFile[]>> {
  const classFolder = join(root, 'SegmentationClass');
  const objectFolder = join(root, 'SegmentationObject');
  const index = new ImageIndex();
  for await (const image of walkImages(images, skip)) {
    if (pathInside(classFolder, image) === null && pathInside(objectFolder, image) === null)
      index.add(images, image);
  }
  const masks = new Map<string, MaskFile[]>();
  for await (const file of walkFiles(classFolder, isPng, skip)) {
    const path = pathInside(classFolder, file) ?? file;
    const image = index.find(stem(path));
    const ids = join(objectFolder, path);
    const hasIds = await stat(ids).then(
      (stats) => stats.isFile(),
      () => false,
    );
    if (image === null) skip(pathInside(root, file) ?? file, 'its image was not found');
    else masks.set(image, [{ kind: 'classes', file, ids: hasIds ? ids : null }]);
  }
  return masks;
}

/** Masks beside images, in a folder of their own, or one folder of objects for every image. */
async function looseMasks(root: string, images: string, skip: Skip): Promise<Map<string, MaskFile[]>> {
  const together = resolve(images) === resolve(root);
  const all: string[] = [];
  for await (const file of walkImages(images, skip)) all.push(file);
  // In one folder, a PNG is a mask when it is named after another image.
  const others = new Set(all.filter((file) => !isPng(file)).map(stem));
  const stems = new Set(all.map(stem));
  const isMask = (file: string): boolean => {
    if (!isPng(file)) return false;
    const own = stem(file);
    if (others.has(own) || stems.has(dirname(file))) return true;
    if (stems.has(own.replace(maskSuffix, '')) && maskSuffix.test(own)) return true;
    return ownerByPrefix(own, (path) => others.has(path)) !== null;
  };
  const index = new ImageIndex();
  const files: string[] = [];
  for (const file of all) {
    if (together && (isMask(file) || maskFolder.test(pathInside(root, file) ?? ''))) {
      if (isPng(file)) files.push(file);
    } else index.add(images, file);
  }
  if (!together) {
    for await (const file of walkFiles(root, isPng, skip)) {
      if (pathInside(images, file) === null) files.push(file);
    }
  }
  const masks = new Map<string, MaskFile[]>();
  for (const file of files) {
    const path = stem(pathInside(root, file) ?? file);
    const placed = placeMask(file, path, index) ?? placeMask(file, path.replace(maskFolder, ''), index);
    if (placed === null) skip(`${path}.png`, 'its image was not found');
    else masks.set(placed.image, [...(masks.get(placed.image) ?? []), placed.mask]);
  }
  return masks;
}

/** The longest beginning of a path, up to a separator, that `isImage` knows; and what follows. */
function ownerByPrefix(
  path: string,
  isImage: (path: string) => boolean,
): { image: string; rest: string } | null {
  for (let at = path.length - 1; at > path.lastIndexOf('/') + 1; at -= 1) {
    if (!'_-.'.includes(path.charAt(at))) continue;
    const image = path.slice(0, at);
    if (isImage(image)) return { image, rest: path.slice(at + 1) };
  }
  return null;
}

function placeMask(file: string, path: string, index: ImageIndex): { image: string; mask: MaskFile } | null {
  const cityscapes = /[_.-]instanceIds$/i.test(path);
  const whole = index.find(path) ?? index.find(path.replace(maskSuffix, '').replace(/_gtFine$/, ''));
  if (whole !== null) {
    const isIds = /[_.-](instanceIds|instances?)$/i.test(path);
    return {
      image: whole,
      mask: isIds ? { kind: 'ids', file, cityscapes } : { kind: 'classes', file, ids: null },
    };
  }
  const folder = dirname(path).replace(/\/masks?$/i, '');
  const owner = index.findByPath(folder) ?? (folder === '.' ? null : index.find(folder));
  if (owner !== null) return { image: owner, mask: { kind: 'object', file, name: basename(path) } };
  const prefix = ownerByPrefix(path, (candidate) => index.find(candidate) !== null);
  const image = prefix === null ? null : index.find(prefix.image);
  if (prefix === null || image === null) return null;
  return { image, mask: { kind: 'object', file, name: prefix.rest } };
}
