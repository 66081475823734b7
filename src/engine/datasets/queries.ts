import { dirname } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { z } from 'zod';
import type { ReadOptions } from './coco';
import { ImageFinder } from './image-finder';
import { readText } from './json-file';
import { type DatasetTarget, targetOf } from './target';

/**
 * A file of queries, in any of three forms:
 * - JSON: a list of `{ "image": "a.jpg", "query": "the dog" }`, or an object from image to query or list of queries;
 * - JSON lines: one such object a line;
 * - lines `a.jpg,the dog` or `a.jpg<tab>the dog`; a first line `image,query` (or `image,text`) is a heading. Quotes
 *   as in CSV: `"a,b.jpg","the ""big"" dog"`. Empty lines and lines that begin with `#` are left out.
 * `file_name` may stand for `image`, and `text` for `query`. A class goes in `class` or `category`; in lines it needs
 * the heading `image,query,class`. `"no_target": true` says that there is nothing to find; `"mask"` names a PNG file
 * whose pixels other than 0 are what is to be found.
 */
const querySchema = z
  .looseObject({
    image: z.string().min(1).optional(),
    file_name: z.string().min(1).optional(),
    query: z.string().optional(),
    text: z.string().optional(),
    class: z.string().optional(),
    category: z.string().optional(),
    image_id: z.union([z.number(), z.string()]).optional(),
    no_target: z.boolean().optional(),
    mask: z.string().min(1).optional(),
  })
  .refine((entry) => (entry.image ?? entry.file_name) !== undefined, 'it names no image')
  .refine((entry) => (entry.query ?? entry.text ?? '').trim() !== '', 'it has no query');

export interface QueryLine {
  image: string;
  query: string;
  /** What its masks are to be called; null when the file does not say. */
  className: string | null;
  imageId: string | null;
  noTarget: boolean;
  /** File of the ground truth, as the file names it. */
  mask: string | null;
}

/** At most so many parts of a CSV line, the last one with all the rest; null when a quote is left open. */
export function splitLine(line: string, most = 2): string[] | null {
  const separator = line.includes('\t') ? '\t' : ',';
  const parts: string[] = [];
  let part = '';
  let quoted = false;
  for (let i = 0; i < line.length; i += 1) {
    const character = line.charAt(i);
    if (quoted) {
      if (character !== '"') part += character;
      else if (line.charAt(i + 1) === '"') {
        part += '"';
        i += 1;
      } else quoted = false;
    } else if (character === '"' && part.trim() === '') {
      part = '';
      quoted = true;
    } else if (character === separator && parts.length < most - 1) {
      // Only the first separators count: a query may hold commas without being quoted.
      parts.push(part.trim());
      part = '';
    } else part += character;
  }
  if (quoted) return null;
  return [...parts, part.trim()];
}

const headingPattern =
  /^"?(image|file_name)"?\s*[,\t]\s*"?(query|text)"?(\s*[,\t]\s*"?(class|category)"?)?$/i;

function fromObject(value: unknown, place: string): QueryLine {
  const parsed = querySchema.safeParse(value);
  if (!parsed.success) {
    throw new MaskwrightError(
      'FORMAT_UNREADABLE',
      `${place}: ${parsed.error.issues[0]?.message ?? 'not a query'}`,
      {
        hint: 'Each entry needs "image" and "query".',
      },
    );
  }
  const entry = parsed.data;
  return {
    image: entry.image ?? entry.file_name ?? '',
    query: (entry.query ?? entry.text ?? '').trim(),
    className: (entry.class ?? entry.category ?? '').trim() || null,
    imageId: entry.image_id === undefined ? null : String(entry.image_id),
    noTarget: entry.no_target === true,
    mask: entry.mask ?? null,
  };
}

/**
 * Parses the text of a queries file. Throws FORMAT_UNREADABLE that names the entry or line, unless `onBroken` is there
 * to be told of it: then the rest goes on.
 */
export function parseQueries(text: string, onBroken?: (place: string, reason: string) => void): QueryLine[] {
  const take = (value: unknown, place: string): QueryLine[] => {
    try {
      return [fromObject(value, place)];
    } catch (error) {
      if (!onBroken) throw error;
      onBroken(place, messageOf(error).replace(`${place}: `, ''));
      return [];
    }
  };
  const trimmed = text.trim();
  if (trimmed.startsWith('[') || trimmed.startsWith('{')) {
    const whole = parsedJson(trimmed);
    if (Array.isArray(whole)) return whole.flatMap((entry, index) => take(entry, `Entry ${index + 1}`));
    const single = querySchema.safeParse(whole);
    if (single.success) return [fromObject(whole, 'Entry 1')];
    const map = z.record(z.string(), z.union([z.string(), z.array(z.string())])).safeParse(whole);
    if (map.success) {
      return Object.entries(map.data).flatMap(([image, queries]) =>
        (Array.isArray(queries) ? queries : [queries]).flatMap((query) => take({ image, query }, image)),
      );
    }
  }
  let columns = 2;
  return trimmed.split(/\r?\n/).flatMap((line, index) => {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) return [];
    const place = `Line ${index + 1}`;
    if (content.startsWith('{')) return take(parsedJson(content), place);
    if (index === 0 && headingPattern.test(content)) {
      columns = splitLine(content, 3)?.length ?? 2;
      return [];
    }
    const [image, query, className] = splitLine(content, columns) ?? [];
    return take({ image, query, class: className }, place);
  });
}

/** The value, or undefined when the text is no JSON. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The queries of a file; what is wrong is said with the file's name. */
function parseFile(file: string, text: string): QueryLine[] {
  const hint = 'It may be JSON, JSON lines, or lines "image,query".';
  let lines: QueryLine[];
  try {
    lines = parseQueries(text);
  } catch (error) {
    if (!(error instanceof MaskwrightError)) throw error;
    throw new MaskwrightError(error.code, `${file}: ${error.message}`, { hint: error.hint || hint });
  }
  if (lines.length === 0) throw new MaskwrightError('FORMAT_UNREADABLE', `${file} holds no query.`, { hint });
  return lines;
}

/** Targets of a queries file, without ground truth. Images are looked for in `images`, else beside the file. */
export async function* readQueries(
  file: string,
  options: ReadOptions = {},
): AsyncGenerator<DatasetTarget, void> {
  const lines = parseFile(file, await readText(file));
  const finder = new ImageFinder(options.images ?? dirname(file));
  for (const [index, line] of lines.entries()) {
    yield targetOf({
      key: `query-${index + 1}`,
      fileName: line.image,
      imagePath: await finder.find(line.image),
      imageId: line.imageId,
      query: line.query,
      noTarget: line.noTarget,
      category: line.className,
    });
  }
}
