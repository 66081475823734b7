import { readFile, stat } from 'node:fs/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { z } from 'zod';

/** Text of a file without its byte order mark. Throws NOT_FOUND or FORMAT_UNREADABLE. */
export async function readText(file: string): Promise<string> {
  try {
    await stat(file);
  } catch {
    throw new MaskwrightError('NOT_FOUND', `There is no file ${file}`, { hint: 'Check the path.' });
  }
  try {
    const text = await readFile(file, 'utf8');
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  } catch (error) {
    throw new MaskwrightError('FORMAT_UNREADABLE', `The file cannot be read: ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What is wrong with a value, in one line: the first issue and where it is. */
export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'it has another form';
  const place = issue.path.map(String).join('.');
  return place === '' ? issue.message : `${place}: ${issue.message}`;
}

/** A JSON file that fits a schema. Throws NOT_FOUND, or FORMAT_UNREADABLE with what is wrong and where. */
export async function readJson<S extends z.ZodType>(
  file: string,
  schema: S,
  what: string,
): Promise<z.output<S>> {
  return parseJson(await readText(file), file, schema, what);
}

/** The text of a JSON file as a value that fits a schema. Throws FORMAT_UNREADABLE with what is wrong and where. */
export function parseJson<S extends z.ZodType>(
  text: string,
  file: string,
  schema: S,
  what: string,
): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MaskwrightError('FORMAT_UNREADABLE', `${file} is not JSON: ${messageOf(error)}`, {
      hint: `Choose ${what}.`,
      cause: error,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new MaskwrightError('FORMAT_UNREADABLE', `${file} is not ${what}: ${firstIssue(parsed.error)}`, {
    hint: `Choose ${what}.`,
    cause: parsed.error,
  });
}

/** Lets other work run. Call it now and then in long loops. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
