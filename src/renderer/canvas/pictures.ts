import { LatestBytes } from '../lib/latest-bytes';
import { openPicture, type Picture, type PictureSource } from './picture';

const keptBytes = 320 * 1024 * 1024;
const keptPictures = 12;

/** Decoded images: the one on the canvas, those that come next, and some that were left. Bounded in bytes. */
export class Pictures {
  readonly #changed: () => void;
  readonly #ready = new LatestBytes<Picture>(keptBytes, (picture) => picture.release(), keptPictures);
  readonly #opening = new Map<string, { picture: Promise<Picture>; abort: AbortController }>();

  /** @param changed called when more of a picture can be painted */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The picture if it is decoded. It stays until another one is shown. */
  show(imageId: string | null): Picture | null {
    this.#ready.pinned = imageId;
    return (imageId !== null && this.#ready.get(imageId)) || null;
  }

  open(source: PictureSource): Promise<Picture> {
    const known = this.#ready.get(source.id);
    if (known) return Promise.resolve(known);
    const underway = this.#opening.get(source.id);
    if (underway) return underway.picture;
    const abort = new AbortController();
    const picture = openPicture(source, this.#changed, abort.signal).then((opened) => {
      if (abort.signal.aborted) {
        opened.release();
        throw abort.signal.reason;
      }
      this.#ready.set(source.id, opened, opened.bytes);
      return opened;
    });
    this.#opening.set(source.id, { picture, abort });
    const done = (): void => {
      if (this.#opening.get(source.id)?.picture === picture) this.#opening.delete(source.id);
    };
    picture.then(done, done);
    return picture;
  }

  /** Opens these when nothing else is to be opened; others that are still being opened are given up. */
  async ahead(current: string | null, sources: readonly PictureSource[]): Promise<void> {
    const wanted = new Set([current, ...sources.map(({ id }) => id)]);
    for (const [id, { abort }] of this.#opening) {
      if (wanted.has(id)) continue;
      abort.abort();
      this.#opening.delete(id);
    }
    const first = current === null ? undefined : this.#opening.get(current);
    // What is looked at comes first; whether it could be opened is its own caller's business.
    await first?.picture.catch(() => {});
    for (const source of sources) {
      if (this.#ready.pinned !== current) return;
      await this.open(source).catch(() => {});
    }
  }

  /** Another project: the same id may mean another image. */
  clear(): void {
    for (const { abort } of this.#opening.values()) abort.abort();
    this.#opening.clear();
    this.#ready.pinned = null;
    this.#ready.clear();
  }
}
