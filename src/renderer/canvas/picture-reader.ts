import type { PictureAnswer, PictureOrder } from './picture-worker';

interface Waiting {
  resolve(bitmaps: ImageBitmap[]): void;
  reject(error: Error): void;
}

let worker: Worker | null = null;
let nextId = 0;
const waiting = new Map<number, Waiting>();

/**
 * Reads and decodes an image beside the window's thread.
 *
 * @returns the whole image, then halved as often as canvases of usual size may need
 */
export function readPicture(url: string, signal?: AbortSignal): Promise<ImageBitmap[]> {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const id = nextId++;
  // The worker's own address is another folder's.
  const order: PictureOrder = { id, url: new URL(url, document.baseURI).href };
  return new Promise<ImageBitmap[]>((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    signal?.addEventListener('abort', () => {
      if (!waiting.delete(id)) return;
      const end: PictureOrder = { id, url: null };
      worker?.postMessage(end);
      reject(signal.reason);
    });
    started().postMessage(order);
  });
}

function started(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL('./picture-worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<PictureAnswer>) => {
    const asked = waiting.get(data.id);
    waiting.delete(data.id);
    if ('problem' in data) asked?.reject(new Error(data.problem));
    else if (asked) asked.resolve(data.bitmaps);
    else for (const bitmap of data.bitmaps) bitmap.close();
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
    worker?.terminate();
    worker = null;
  };
  return worker;
}
