/** A worker of the window: reads images and scales them down, which would hold up the window's thread. */

export type PictureOrder = { id: number; url: string } | { id: number; url: null };

export type PictureAnswer =
  /** Whole first, then halved again and again. */
  { id: number; bitmaps: ImageBitmap[] } | { id: number; problem: string };

/** Scaled down until this many pixels are left: less costs nothing wherever it is done. */
const smallest = 512 * 512;
const underway = new Map<number, AbortController>();

self.onmessage = ({ data: { id, url } }: MessageEvent<PictureOrder>) => {
  if (url === null) {
    underway.get(id)?.abort();
    return;
  }
  const abort = new AbortController();
  underway.set(id, abort);
  const answer = (message: PictureAnswer, moved: ImageBitmap[] = []): void => {
    underway.delete(id);
    self.postMessage(message, { transfer: moved });
  };
  read(url, abort.signal).then(
    (bitmaps) => answer({ id, bitmaps }, bitmaps),
    (error: unknown) => answer({ id, problem: error instanceof Error ? error.message : String(error) }),
  );
};

async function read(url: string, signal: AbortSignal): Promise<ImageBitmap[]> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error((await response.text()) || `The image answered ${response.status}.`);
  let last = await createImageBitmap(await response.blob());
  const bitmaps = [last];
  while (last.width * last.height > smallest && !signal.aborted) {
    last = await createImageBitmap(last, {
      resizeWidth: Math.max(1, Math.round(last.width / 2)),
      resizeHeight: Math.max(1, Math.round(last.height / 2)),
      resizeQuality: 'medium',
    });
    bitmaps.push(last);
  }
  return bitmaps;
}
