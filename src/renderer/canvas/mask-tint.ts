import { intersectBoxes } from '@shared/geometry/box';
import type { Box } from '@shared/geometry/types';
import { type PlacedMask, placedBox } from '@shared/mask/placed';

/** A mask as a picture in one colour, of which only what changed is made again. */
export class MaskTint {
  #canvas: HTMLCanvasElement | null = null;
  #of: PlacedMask | null = null;
  #shade = '';
  #word = 0;

  /**
   * @param changed the box of the image in which the mask's pixels differ from those shown last; null: all of it,
   *   unless it is the same mask
   */
  show(mask: PlacedMask | null, changed: Box | null, color: string, alpha: number): void {
    const before = this.#of;
    const shade = `${color} ${alpha}`;
    const isSameFrame =
      before !== null &&
      mask !== null &&
      before.x === mask.x &&
      before.y === mask.y &&
      before.width === mask.width &&
      before.height === mask.height;
    if (mask === before && shade === this.#shade && changed === null) return;
    this.#of = mask;
    if (!mask) return;
    this.#canvas ??= document.createElement('canvas');
    if (shade !== this.#shade) {
      this.#shade = shade;
      this.#word = wordOf(color, alpha);
    } else if (changed && isSameFrame) {
      this.#put(mask, changed);
      return;
    }
    this.#canvas.width = mask.width;
    this.#canvas.height = mask.height;
    this.#put(mask, placedBox(mask));
  }

  /** In image pixels. */
  draw(context: CanvasRenderingContext2D): void {
    if (this.#canvas && this.#of) context.drawImage(this.#canvas, this.#of.x, this.#of.y);
  }

  #put(mask: PlacedMask, box: Box): void {
    const context = this.#canvas?.getContext('2d');
    const inside = intersectBoxes(box, placedBox(mask));
    if (!context || !inside) return;
    const width = inside.x2 - inside.x1;
    const height = inside.y2 - inside.y1;
    const image = context.createImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    for (let y = 0; y < height; y++) {
      const row = (inside.y1 + y - mask.y) * mask.width + inside.x1 - mask.x;
      for (let x = 0; x < width; x++) if (mask.data[row + x] === 1) words[y * width + x] = this.#word;
    }
    context.putImageData(image, inside.x1 - mask.x, inside.y1 - mask.y);
  }
}

/** A colour `#rrggbb` with its alpha as one pixel of ImageData. */
function wordOf(color: string, alpha: number): number {
  const value = Number.parseInt(color.slice(1), 16);
  const bytes = [value >> 16, (value >> 8) & 255, value & 255, Math.round(alpha * 255)];
  return new Uint32Array(new Uint8Array(bytes).buffer)[0] ?? 0;
}
