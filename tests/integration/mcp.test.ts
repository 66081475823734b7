import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { decodeMask, rleArea, rleSchema } from '@shared/mask/rle';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { coco20, hasSharedData } from '../support/shared-data';

const there = hasSharedData('tools over MCP');

/** The built command line as an agent's client starts it, driven by the protocol's own client. */
describe.skipIf(!there)('tools over MCP', () => {
  let folder = '';
  const client = new Client({ name: 'test', version: '1' });
  const another = new Client({ name: 'test', version: '1' });

  const connect = (who: Client, ...images: string[]): Promise<void> => {
    const args = [resolve('out/main/cli.js'), 'mcp', '--turns', '5', '--images', ...images];
    const env = { ...process.env, MASKWRIGHT_DATA: join(folder, 'data') } as Record<string, string>;
    return who.connect(new StdioClientTransport({ command: process.execPath, args, env, stderr: 'ignore' }));
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'maskwright-mcp-'));
    mkdirSync(join(folder, 'photos', 'deep'), { recursive: true });
    await copyFile(join(coco20.images, '000000000471.jpg'), join(folder, 'photos', 'deep', 'bus.jpg'));
    await copyFile(join(coco20.images, '000000000471.jpg'), join(folder, 'outside.jpg'));
    symlinkSync(join(folder, 'outside.jpg'), join(folder, 'photos', 'link.jpg'));
    symlinkSync(folder, join(folder, 'photos', 'up'));
    symlinkSync(join(folder, 'photos', 'notes.txt'), join(folder, 'photos', 'notes.jpg'));
    symlinkSync(join(folder, 'photos', 'deep', 'bus.jpg'), join(folder, 'photos', 'inner.jpg'));
    mkdirSync(join(folder, 'more', 'photos', 'deep'), { recursive: true });
    await copyFile(
      join(coco20.images, '000000000471.jpg'),
      join(folder, 'more', 'photos', 'deep', 'bus.jpg'),
    );
    symlinkSync(join(folder, 'photos', 'deep'), join(folder, 'more', 'photos', 'across'));
    writeFileSync(join(folder, 'photos', 'notes.txt'), 'not an image');
    writeFileSync(join(folder, 'photos', 'broken.jpg'), 'not an image');
    await connect(client, join(folder, 'photos'));
  });
  afterAll(async () => {
    await client.close();
    await another.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const call = async (name: string, given: Record<string, unknown> = {}, who = client) => {
    const result = CallToolResultSchema.parse(await who.callTool({ name, arguments: given }));
    const [first, picture] = result.content;
    return {
      text: first?.type === 'text' ? first.text : '',
      png: picture?.type === 'image' ? Buffer.from(picture.data, 'base64') : null,
      facts: result.structuredContent ?? {},
      isError: result.isError ?? false,
    };
  };

  it('are listed with their schemas', async () => {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([
      'list_images',
      'open_image',
      'segment_box',
      'add_point',
      'zoom',
      'zoom_out',
      'revert',
      'new_object',
      'finish',
      'report_no_target',
    ]);
    const point = tools.find(({ name }) => name === 'add_point');
    expect(point?.inputSchema).toMatchObject({
      properties: { x: { type: 'integer', maximum: 1000 }, label: { enum: ['positive', 'negative'] } },
      required: ['x', 'y', 'label'],
    });
    expect(client.getInstructions()).toContain('open_image');
  });

  it('segment an image from its opening to its masks', async () => {
    expect((await call('segment_box', { x1: 0, y1: 0, x2: 9, y2: 9 })).text).toContain('open_image first');
    expect((await call('list_images')).facts).toMatchObject({
      images: expect.arrayContaining(['deep/bus.jpg']),
    });
    const begun = await call('open_image', { path: 'deep/bus.jpg', query: 'the bus' });
    expect(begun.isError).toBe(false);
    expect(begun.text).toContain('Query: the bus');
    const size = await sharp(begun.png ?? Buffer.alloc(0)).metadata();
    expect([(size.width ?? 1) % 32, (size.height ?? 1) % 32]).toEqual([0, 0]);

    const boxed = await call('segment_box', { x1: 150, y1: 200, x2: 850, y2: 850 });
    expect(boxed.facts).toMatchObject({ turn: 1, turns_left: 4, ended: null });
    expect(boxed.png?.equals(begun.png ?? Buffer.alloc(0))).toBe(false);
    const refused = await call('add_point', { x: 5000, y: 1, label: 'positive' });
    expect(refused).toMatchObject({ isError: true, facts: { turn: 2 } });
    expect(refused.text).toContain('leaves the view');

    const done = await call('finish');
    expect(done.facts).toMatchObject({ ended: 'finished', query: 'the bus' });
    const [mask] = z.array(rleSchema.and(z.object({ area: z.number() }))).parse(done.facts.masks);
    if (!mask) throw new Error('There is no mask.');
    const { width, height } = z.object({ width: z.number(), height: z.number() }).parse(done.facts.image);
    expect(decodeMask(mask)).toMatchObject({ width, height });
    expect(rleArea(mask)).toBe(mask.area);
    expect(mask.area).toBeGreaterThan(1000);
    expect(done.text).toContain(JSON.stringify(mask.counts));
    expect((await call('finish')).text).toContain('ended already');
  });

  it('list what can be opened, and nothing that a link leads out to', async () => {
    expect((await call('list_images')).facts).toEqual({
      images: ['broken.jpg', 'deep/bus.jpg', 'inner.jpg'],
      more: false,
    });
    expect((await call('open_image', { path: 'inner.jpg', query: 'x' })).isError).toBe(false);
    expect((await call('list_images', { from: 2 })).facts).toEqual({ images: ['inner.jpg'], more: false });
  });

  it('name each image of several folders differently, and open it by that name', async () => {
    const [photos, more] = [join(folder, 'photos'), join(folder, 'more', 'photos')];
    await connect(another, photos, more, join(photos, 'deep'), photos);
    const names = [
      'photos/broken.jpg',
      'photos/deep/bus.jpg',
      'photos/inner.jpg',
      'photos-2/across/bus.jpg',
      'photos-2/deep/bus.jpg',
    ];
    expect((await call('list_images', {}, another)).facts.images).toEqual(names);
    const opened: unknown[] = [];
    for (const path of names.slice(1)) {
      const { facts } = await call('open_image', { path, query: 'x' }, another);
      opened.push(z.object({ path: z.string() }).parse(facts.image).path);
    }
    const bus = join(realpathSync(photos), 'deep', 'bus.jpg');
    expect(opened).toEqual([bus, bus, bus, join(realpathSync(more), 'deep', 'bus.jpg')]);
    for (const path of ['deep/bus.jpg', 'photos-3/deep/bus.jpg', 'photos', 'photos/../../outside.jpg'])
      expect((await call('open_image', { path, query: 'x' }, another)).text).toContain('There is no image');
  });

  it('open nothing outside the folders, and nothing that is no image', async () => {
    for (const path of [
      '../outside.jpg',
      join(folder, 'outside.jpg'),
      'link.jpg',
      'up/outside.jpg',
      'notes.jpg',
      'notes.txt',
      'deep',
      'nothing.jpg',
      '/etc/passwd',
      'deep/bus.jpg\0',
    ]) {
      const answer = await call('open_image', { path, query: 'x' });
      expect(answer.isError, path).toBe(true);
      expect(answer.text, path).toContain('There is no image');
    }
    expect((await call('open_image', { path: 'broken.jpg', query: 'x' })).text).toContain('cannot be read');
    expect((await call('open_image', { path: 'deep/bus.jpg' })).text).toContain('query');
    expect((await call('dance')).isError).toBe(true);
  });
});
