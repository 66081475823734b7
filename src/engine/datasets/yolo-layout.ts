import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { parseSimpleYaml, type YamlValue } from '@shared/formats/simple-yaml';
import { extensionOf, isImagePath, pathInside } from '../project/paths';
import { requireFolder } from './folder';
import { readText } from './json-file';
import { type Skip, walkFiles, walkImages } from './walk';

/** Where a YOLO data set has its images, labels and class names. */
export interface YoloLayout {
  /** The folder that `path` of data.yaml means. */
  root: string;
  /** Class names by index. */
  names: Map<number, string>;
  /** Every image with the label file that belongs to it; null: none is there, so nothing is in the image. */
  pairs: { image: string; label: string | null }[];
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** data.yaml itself, or the one in a folder. Throws NOT_FOUND or FORMAT_UNREADABLE. */
async function dataYaml(location: string): Promise<string> {
  const full = resolve(location);
  if (await isFile(full)) return full;
  const folder = await requireFolder(full);
  for (const name of ['data.yaml', 'data.yml', 'dataset.yaml', 'dataset.yml']) {
    if (await isFile(join(folder, name))) return join(folder, name);
  }
  throw new MaskwrightError('NOT_FOUND', `There is no data.yaml in ${folder}`, {
    hint: 'Name the data.yaml of the data set; it says which classes there are.',
  });
}

function unreadable(file: string, why: string): MaskwrightError {
  return new MaskwrightError('FORMAT_UNREADABLE', `${file} is not the data.yaml of a YOLO data set: ${why}`, {
    hint: 'It needs "names" (a list or a mapping) and "train", "val" or "test".',
  });
}

function classNames(file: string, value: YamlValue | undefined): Map<number, string> {
  if (Array.isArray(value)) return new Map(value.map((name, index) => [index, String(name)]));
  if (!(value instanceof Map)) throw unreadable(file, 'it has no "names"');
  const names = new Map<number, string>();
  for (const [key, name] of value) {
    if (!/^\d+$/.test(key)) throw unreadable(file, `"${key}" in "names" is no class number`);
    names.set(Number(key), String(name));
  }
  return names;
}

const texts = (value: YamlValue | undefined): string[] =>
  (Array.isArray(value) ? value : [value]).filter((entry): entry is string => typeof entry === 'string');

/**
 * Reads data.yaml and pairs images with labels. Without `images`, images are where train, val and test say: folders or
 * lists of files, from `path` or from the file's own folder. With it, they are looked for there, and labels by their
 * names in the data set. Throws NOT_FOUND and FORMAT_UNREADABLE; what is missing is told to `skip`.
 */
export async function readYoloLayout(
  location: string,
  images: string | null,
  skip: Skip,
): Promise<YoloLayout> {
  const file = await dataYaml(location);
  let yaml: Map<string, YamlValue>;
  try {
    yaml = parseSimpleYaml(await readText(file));
  } catch (error) {
    if (error instanceof MaskwrightError) throw error;
    throw unreadable(file, messageOf(error));
  }
  const names = classNames(file, yaml.get('names'));
  const base = dirname(file);
  const [path = '.'] = texts(yaml.get('path'));
  const stated = resolve(base, path);
  const root = (await isFolder(stated)) ? stated : base;
  if (images !== null) return { root, names, pairs: await pairsByName(root, images, skip) };

  const found: string[] = [];
  const seen = new Set<string>();
  for (const split of ['train', 'val', 'test']) {
    for (const entry of texts(yaml.get(split))) {
      const list = await imagesOf(entry, root, base, skip);
      if (list === null) skip(`${split}: ${entry}`, 'there is no such folder or list of images');
      for (const image of list ?? []) {
        if (seen.has(image)) continue;
        seen.add(image);
        found.push(image);
      }
    }
  }
  const pairs: YoloLayout['pairs'] = [];
  const used = new Set<string>();
  for (const image of found) {
    const label = await labelBeside(image);
    if (label !== null) used.add(label);
    pairs.push({ image, label });
  }
  for (const folder of new Set([...used].map(dirname))) {
    for await (const label of walkFiles(folder, isLabel)) {
      if (dirname(label) === folder && !used.has(label))
        skip(pathInside(root, label) ?? label, 'its image was not found');
    }
  }
  return { root, names, pairs };
}

const isLabel = (name: string): boolean =>
  extensionOf(name) === '.txt' && !/^(classes|train|val|test|readme.*)\.txt$/i.test(name);

/** The images of one entry of train, val or test; null when it leads nowhere. */
async function imagesOf(entry: string, root: string, base: string, skip: Skip): Promise<string[] | null> {
  // Roboflow writes "../train/images" for a folder beside data.yaml.
  const candidates = [
    resolve(root, entry),
    resolve(base, entry),
    resolve(base, entry.replace(/^(\.\.[/\\])+/, '')),
  ];
  for (const candidate of candidates) {
    if (await isFolder(candidate)) {
      const list: string[] = [];
      for await (const image of walkImages(candidate, skip)) list.push(image);
      return list;
    }
    if (extensionOf(candidate) === '.txt' && (await isFile(candidate)))
      return listedImages(candidate, [root, base], skip);
  }
  return null;
}

/**
 * A text file with one image a line; "./" stands for the file's own folder, as for Ultralytics. A list may come from
 * anywhere: it names files of the data set only, so that nothing else of the machine gets into the project.
 */
async function listedImages(file: string, folders: readonly string[], skip: Skip): Promise<string[]> {
  const list: string[] = [];
  for (const line of (await readFile(file, 'utf8')).split(/\r?\n/)) {
    const name = line.trim().replace(/\\/g, '/');
    if (name === '') continue;
    const image = isAbsolute(name) ? name : resolve(dirname(file), name);
    if (!folders.some((folder) => pathInside(folder, image) !== null)) {
      skip(name, 'it is outside of the data set; name the folder of the images to have them from there');
    } else if (isImagePath(image) && (await isFile(image))) list.push(image);
    else skip(name, 'the image file was not found');
  }
  return list;
}

const stem = (path: string): string => path.slice(0, path.length - extensionOf(path).length);

/** The label of an image: the last folder `images` becomes `labels`, else the text file beside the image. */
async function labelBeside(image: string): Promise<string | null> {
  const slashes = image.replace(/\\/g, '/');
  const at = slashes.lastIndexOf('/images/');
  const candidates = [
    ...(at < 0 ? [] : [`${slashes.slice(0, at)}/labels/${slashes.slice(at + '/images/'.length)}`]),
    slashes,
  ];
  for (const candidate of candidates) {
    const label = `${stem(candidate)}.txt`;
    if (await isFile(label)) return resolve(label);
  }
  return null;
}

/** Labels anywhere in the data set, with the images of a folder by path, else by name when only one fits. */
async function pairsByName(root: string, images: string, skip: Skip): Promise<YoloLayout['pairs']> {
  const folder = await requireFolder(images);
  const byPath = new Map<string, string>();
  const byName = new Map<string, string | null>();
  for await (const image of walkImages(folder, skip)) {
    const path = stem(pathInside(folder, image) ?? image);
    byPath.set(path, image);
    byName.set(basename(path), byName.has(basename(path)) ? null : image);
  }
  const pairs: YoloLayout['pairs'] = [];
  for await (const label of walkFiles(root, isLabel, skip)) {
    const path = stem(pathInside(root, label) ?? label);
    const short = path.replace(/^(.*\/)?labels\//, '');
    const image = byPath.get(path) ?? byPath.get(short) ?? byName.get(basename(path));
    if (image !== undefined && image !== null) pairs.push({ image, label });
    else skip(`${path}.txt`, 'its image was not found');
  }
  return pairs;
}
