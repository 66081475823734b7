import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseQueries, readQueries, splitLine } from './queries';

const pairs = (text: string): string[][] => parseQueries(text).map(({ image, query }) => [image, query]);

describe('parseQueries', () => {
  it('reads a JSON list, an object and JSON lines', () => {
    expect(pairs('[{"image":"a.jpg","query":"dog"},{"file_name":"b.jpg","text":" cat "}]')).toEqual([
      ['a.jpg', 'dog'],
      ['b.jpg', 'cat'],
    ]);
    expect(pairs('{"a.jpg":["dog","cat"],"b.jpg":"cow"}')).toEqual([
      ['a.jpg', 'dog'],
      ['a.jpg', 'cat'],
      ['b.jpg', 'cow'],
    ]);
    expect(pairs('{"image":"a.jpg","query":"dog"}\n\n{"image":"b.jpg","query":"cat"}\n')).toEqual([
      ['a.jpg', 'dog'],
      ['b.jpg', 'cat'],
    ]);
    expect(parseQueries('[{"image":"a.jpg","text":"dog","no_target":true,"image_id":3}]')).toEqual([
      { image: 'a.jpg', query: 'dog', className: null, imageId: '3', noTarget: true, mask: null },
    ]);
  });

  it('reads lines with commas, tabs and quotes', () => {
    expect(
      pairs(
        'image,query\r\n# note\r\na.jpg,the dog, left\r\n"x,y.jpg","the ""big"" one"\nc.jpg\tcow, brown\n',
      ),
    ).toEqual([
      ['a.jpg', 'the dog, left'],
      ['x,y.jpg', 'the "big" one'],
      ['c.jpg', 'cow, brown'],
    ]);
    expect(splitLine('"open')).toBeNull();
  });

  it('reads classes, from lines only below a heading that names them', () => {
    const classes = (text: string): unknown[] =>
      parseQueries(text).map(({ query, className }) => [query, className]);
    expect(classes('image,query,class\na.jpg,"the dog, left",dog\nb.jpg,a cat')).toEqual([
      ['the dog, left', 'dog'],
      ['a cat', null],
    ]);
    expect(classes('a.jpg,the dog,dog')).toEqual([['the dog,dog', null]]);
    expect(
      classes('[{"image":"a","query":"q","class":"dog"},{"image":"a","query":"q","category":"cat"}]'),
    ).toEqual([
      ['q', 'dog'],
      ['q', 'cat'],
    ]);
  });

  it('names the line that is wrong', () => {
    expect(() => parseQueries('a.jpg,dog\nb.jpg')).toThrow('Line 2: it has no query');
    expect(() => parseQueries('[{"query":"dog"}]')).toThrow('Entry 1: it names no image');
  });

  it('names the file that is broken or empty', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'maskwright-queries-'));
    const first = async (name: string, text: string): Promise<unknown> => {
      writeFileSync(join(folder, name), text);
      return readQueries(join(folder, name)).next();
    };
    await expect(first('empty.csv', '\n# nothing\n')).rejects.toThrow(/empty\.csv holds no query/);
    await expect(first('broken.json', '[{"query":"dog"}]')).rejects.toThrow(/broken\.json: Entry 1/);
    rmSync(folder, { recursive: true });
  });
});
