import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Handlers, MethodOutput } from '@shared/contract/methods';
import sharp from 'sharp';
import { asUnreadable } from '../images/decode-image';
import { openImage } from '../images/image-file';
import { Thumbnails } from '../images/thumbnails';
import type { ProjectStore } from '../project';
import type { Models } from '../setup/models';
import type { Workspace } from './workspace';

/** Formats that every browser shows as they are; others are sent as PNG. */
const browserFormats = new Map([
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
]);

/** Windows whose images in sight are remembered; one that was closed is forgotten when others come. */
const rememberedWindows = 4;

export function imageHandlers(
  workspace: Workspace,
  models: Models,
  cacheDir: string,
): Pick<Handlers, Extract<keyof Handlers, `images.${string}`>> {
  const thumbnails = new Thumbnails(join(cacheDir, 'thumbnails'));
  const inSight = new Map<string, readonly string[]>();
  return {
    'images.list': async (query) => workspace.project.listImages(query),
    'images.get': async ({ imageId }) => workspace.project.imageSummary(imageId),
    'images.suggestions': async ({ imageId }) => workspace.suggestions(imageId),
    'images.position': async ({ imageId, ...query }) => workspace.project.imagePlace(imageId, query),
    'images.nextOpen': async ({ imageId, after, ...query }) =>
      workspace.project.nextOpen(query, after, imageId),
    'images.read': async ({ imageId, variant }) => {
      const { project } = workspace;
      const path = project.imagePath(imageId);
      try {
        if (variant === 'full') return await readForBrowser(path);
        const { sha256, problem } = project.imageById(imageId);
        const bytes = await thumbnails.read(imageId, path, sha256);
        if (problem !== null && workspace.current === project) project.setProblem(imageId, null);
        return { mime: 'image/webp', bytes: new Uint8Array(bytes) };
      } catch (error) {
        if (isCancelled(error)) throw error;
        const unreadable = asUnreadable(error);
        if (workspace.current === project) project.setProblem(imageId, unreadable.message);
        throw unreadable;
      }
    },
    'images.look': async ({ window, imageIds }) => {
      inSight.delete(window);
      inSight.set(window, imageIds);
      const [oldest] = inSight.keys();
      if (inSight.size > rememberedWindows && oldest !== undefined) inSight.delete(oldest);
      thumbnails.lookAt([...inSight.values()].flat());
      return {};
    },
    'images.prefetch': async ({ imageId, priority }) => {
      const segmenter = await models.segmenter();
      if (!segmenter) return {};
      const image = await openImage(workspace.project.imagePath(imageId));
      await segmenter.encode(image, { priority }).catch((error: unknown) => {
        if (!isCancelled(error)) throw error;
      });
      return {};
    },
    'images.update': async ({ imageId, ...patch }) => {
      workspace.project.updateImage(imageId, patch);
      return workspace.project.historyState();
    },
    'images.retry': async ({ imageId }) => {
      await retryImage(workspace.project, imageId);
      return workspace.project.imageSummary(imageId);
    },
    'images.setState': async ({ imageId, state }) => {
      workspace.project.setImageState(imageId, state);
      return workspace.project.historyState();
    },
  };
}

/** Reads the whole file again, and notes whether that worked. */
async function retryImage(project: ProjectStore, imageId: string): Promise<void> {
  const { width, height, sha256 } = project.imageById(imageId);
  try {
    const image = await openImage(project.imagePath(imageId));
    if (image.width !== width || image.height !== height) {
      throw new MaskwrightError(
        'IMAGE_UNREADABLE',
        `The file is another picture now: ${image.width} × ${image.height} pixels, not ${width} × ${height}.`,
      );
    }
    await image.pixels();
    if (image.hash !== sha256) project.setHash(imageId, image.hash);
    project.setProblem(imageId, null);
  } catch (error) {
    project.setProblem(imageId, messageOf(error));
  }
}

/** The file's own bytes where a browser shows them upright as they are, else a PNG. */
async function readForBrowser(path: string): Promise<MethodOutput<'images.read'>> {
  const { format } = await sharp(path).metadata();
  // Browsers turn images by EXIF themselves, as we do.
  const mime = browserFormats.get(format ?? '');
  if (mime) return { mime, bytes: new Uint8Array(await readFile(path)) };
  return { mime: 'image/png', bytes: new Uint8Array(await sharp(path).rotate().png().toBuffer()) };
}
