import type { Bitmap } from '@shared/mask/bitmap';
import { decodeMask, encodeMask, type Rle } from '@shared/mask/rle';
import type { EnvironmentObject, EnvironmentState } from '../environment/state';

/** A state with its masks as RLE and without the states before it, which lie beside it. */
interface Packed extends Omit<EnvironmentState, 'objects' | 'past'> {
  objects: readonly (Omit<EnvironmentObject, 'mask'> & { mask: Rle | null })[];
  /** Key of the state before it. */
  parent: string | null;
}

type Entry = { state: EnvironmentState; parent: string | null } | { packed: Packed };

/** The environment's states of an episode by node, null for the root's. Those of episodes not in front are packed. */
export class States {
  private readonly entries = new Map<string | null, Entry>();
  private readonly root: EnvironmentState;

  constructor(root: EnvironmentState) {
    this.root = root;
  }

  set(id: string, parent: string | null, state: EnvironmentState): void {
    this.entries.set(id, { state, parent });
  }

  /** Unpacks it, and the states before it. */
  get(id: string | null): EnvironmentState | undefined {
    if (id === null) return this.root;
    const entry = this.entries.get(id);
    if (!entry || 'state' in entry) return entry?.state;
    const { parent, objects, ...rest } = entry.packed;
    const before = this.get(parent);
    if (!before) return undefined;
    const kept = new Map(before.objects.map((object) => [object.id, object]));
    const state: EnvironmentState = {
      ...rest,
      objects: objects.map((object) => ({ ...object, mask: unpacked(object, kept.get(object.id)) })),
      past: [...before.past, before],
    };
    this.entries.set(id, { state, parent });
    return state;
  }

  /** What can be said of a state without unpacking it. */
  peek(id: string | null): Pick<EnvironmentState, 'turn' | 'turnBudget' | 'ended'> | undefined {
    if (id === null) return this.root;
    const entry = this.entries.get(id);
    return entry && ('state' in entry ? entry.state : entry.packed);
  }

  /** Turns every bitmap into RLE. */
  pack(): void {
    const known = new Map<Bitmap, Rle>();
    const packedMask = (mask: Bitmap): Rle => {
      const rle = known.get(mask) ?? encodeMask(mask);
      known.set(mask, rle);
      return rle;
    };
    for (const [id, entry] of this.entries) {
      if (id === null || 'packed' in entry) continue;
      const { past: _past, objects, ...rest } = entry.state;
      const packed = objects.map((object) => ({ ...object, mask: object.mask && packedMask(object.mask) }));
      this.entries.set(id, { packed: { ...rest, objects: packed, parent: entry.parent } });
    }
  }

  /** Bytes of the bitmaps that are held. */
  get bitmapBytes(): number {
    const bitmaps = new Set<Bitmap>();
    for (const entry of this.entries.values()) {
      if ('packed' in entry) continue;
      for (const { mask } of entry.state.objects) if (mask) bitmaps.add(mask);
    }
    return [...bitmaps].reduce((sum, { data }) => sum + data.byteLength, 0);
  }
}

/** The bitmap of the state before, where the object did not change: turns share them. */
function unpacked(object: Packed['objects'][number], before: EnvironmentObject | undefined): Bitmap | null {
  if (!object.mask) return null;
  if (before?.mask && before.prompt === object.prompt) return before.mask;
  return decodeMask(object.mask);
}
