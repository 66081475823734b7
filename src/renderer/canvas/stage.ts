import type { Gesture } from '@shared/contract/methods';
import { clamp, normalizeBox } from '@shared/geometry/box';
import type { Box, Point, Size } from '@shared/geometry/types';
import { Canvas, Circle, config, type FabricObject, Rect, type Point as ScreenPoint } from 'fabric';
import { EditLayer } from './edit-layer';
import type { EditScene } from './edit-scene';
import { EditTools, type Sample } from './edit-tools';
import { Painter } from './painter';
import { emptyScene, type Scene, type StageEvents, type ViewTransform } from './scene';

const leastZoom = 0.02;
const greatestZoom = 64;
/** Kept free around a fitted image: for the tools on the left, their options above and the zoom bar below. */
const inset = { left: 68, right: 24, top: 56, bottom: 50 };
/** Screen pixels. */
const handleSize = 9;
const pointReach = 11;
const closeReach = 9;
const clickSlop = 3;

type Handle = { dx: -1 | 0 | 1; dy: -1 | 0 | 1; cursor: string };
const handles: readonly Handle[] = [
  { dx: -1, dy: -1, cursor: 'nwse-resize' },
  { dx: 0, dy: -1, cursor: 'ns-resize' },
  { dx: 1, dy: -1, cursor: 'nesw-resize' },
  { dx: 1, dy: 0, cursor: 'ew-resize' },
  { dx: 1, dy: 1, cursor: 'nwse-resize' },
  { dx: 0, dy: 1, cursor: 'ns-resize' },
  { dx: -1, dy: 1, cursor: 'nesw-resize' },
  { dx: -1, dy: 0, cursor: 'ew-resize' },
];

type Drag =
  | { kind: 'pan'; x: number; y: number; view: ViewTransform; moved: boolean }
  | { kind: 'draw'; from: Point; to: Point }
  | { kind: 'edit' }
  /** Of a tool that changes masks. */
  | { kind: 'tool' };

/**
 * The drawing surface: a fabric canvas whose objects are only the handles of the call being edited. The image and
 * every mask are painted as pixels before fabric renders.
 */
export class Stage {
  readonly #canvas: Canvas;
  readonly #painter = new Painter(() => this.redraw());
  readonly #events: StageEvents;
  readonly #host: HTMLElement;
  readonly #observer: ResizeObserver;
  readonly #layer: EditLayer;
  readonly #tools: EditTools;
  /** Painted so far. */
  frames = 0;
  #scene: Scene = emptyScene;
  #edit: EditScene | null = null;
  #drag: Drag | null = null;
  #spaceHeld = false;
  /** Follows the size of the window until the person zooms or pans. */
  #fitted = true;
  #frame: Rect | null = null;
  #handles: { object: Rect; handle: Handle }[] = [];
  #marker: Circle | null = null;
  #editedKey = '';
  /** The editable call as it is being dragged. */
  #current: Gesture | null = null;
  /** Where the pointer has been since the last mouse event, which comes only once a frame. */
  #trail: Sample[] = [];
  #altHeld = false;

  constructor(host: HTMLElement, events: StageEvents) {
    this.#host = host;
    this.#events = events;
    const element = document.createElement('canvas');
    host.append(element);
    config.configure({ devicePixelRatio: window.devicePixelRatio });
    this.#canvas = new Canvas(element, {
      selection: false,
      fireMiddleClick: true,
      fireRightClick: true,
      stopContextMenu: true,
      preserveObjectStacking: true,
      renderOnAddRemove: false,
      defaultCursor: 'default',
    });
    this.#canvas.on('before:render', ({ ctx }) => {
      this.#painter.paint(ctx, this.#scene, this.view, this.#viewport(), {
        band: this.#band(),
        gesture: this.#current ?? this.#scene.editable?.gesture ?? null,
      });
    });
    this.#canvas.on('after:render', ({ ctx }) => {
      this.frames++;
      this.#painter.paintAbove(ctx, this.#scene, this.view, this.#viewport());
    });
    this.#canvas.on('mouse:wheel', ({ e, viewportPoint }) => this.#wheel(e, viewportPoint));
    this.#canvas.on('mouse:down', ({ e, target, scenePoint }) =>
      this.#down(e as MouseEvent, target, scenePoint),
    );
    this.#canvas.on('mouse:move', ({ e, target, scenePoint }) =>
      this.#move(e as MouseEvent, target, scenePoint),
    );
    this.#canvas.on('mouse:up', ({ e, scenePoint, isClick }) =>
      this.#up(e as MouseEvent, scenePoint, isClick),
    );
    this.#canvas.on('mouse:dblclick', ({ scenePoint }) => {
      if (this.#scene.tool === 'polygon' && this.#scene.polygon.length > 0) this.#events.closePolygon();
      if (this.#scene.tool === 'select') this.#events.opened(this.#hit(scenePoint));
    });
    this.#canvas.on('mouse:out', ({ target, e }) => {
      if (!target && (e as MouseEvent).buttons === 0) this.#leave();
    });
    this.#canvas.on('object:moving', ({ target }) => this.#moving(target));
    // Above fabric's own two canvases.
    this.#layer = new EditLayer(host);
    this.#tools = new EditTools(this.#layer, events.edit);
    host.addEventListener('pointermove', this.#follow, true);
    window.addEventListener('keydown', this.#alt);
    window.addEventListener('keyup', this.#alt);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(host);
    this.#resize();
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#host.removeEventListener('pointermove', this.#follow, true);
    window.removeEventListener('keydown', this.#alt);
    window.removeEventListener('keyup', this.#alt);
    this.#layer.destroy();
    void this.#canvas.dispose();
    this.#host.replaceChildren();
  }

  get view(): ViewTransform {
    const transform = this.#canvas.viewportTransform;
    return { zoom: transform[0], x: transform[4], y: transform[5] };
  }

  setScene(scene: Scene): void {
    const before = this.#scene;
    this.#scene = scene;
    if (before.size?.width !== scene.size?.width || before.size?.height !== scene.size?.height) {
      this.#fitted = true;
      this.fit();
    } else if (before.image !== scene.image) {
      this.#fitted = true;
      this.fit();
    }
    if (this.#drag?.kind !== 'edit') this.#arrangeHandles();
    this.#showCursor();
    this.#canvas.requestRenderAll();
  }

  /** What is being changed by hand, apart from the scene: nothing below has to be painted again for it. */
  setEdit(edit: EditScene | null): void {
    this.#edit = edit;
    this.#layer.setScene(edit);
    this.#tools.setScene(edit);
    this.#showCursor();
  }

  /** Paints again at the next frame, when what is shown has changed without the scene. */
  redraw(): void {
    this.#canvas.requestRenderAll();
  }

  /** Space turns every drag into a pan. */
  holdSpace(held: boolean): boolean {
    this.#spaceHeld = held;
    this.#canvas.skipTargetFind = held;
    this.#showCursor();
    return this.#drag?.kind === 'pan';
  }

  fit(): void {
    const size = this.#scene.size;
    const viewport = this.#viewport();
    if (!size || viewport.width < 1 || viewport.height < 1) return;
    const zoom = clamp(
      Math.min(
        (viewport.width - inset.left - inset.right) / size.width,
        (viewport.height - inset.top - inset.bottom) / size.height,
      ),
      leastZoom,
      greatestZoom,
    );
    this.#fitted = true;
    this.#setView({
      zoom,
      x: (viewport.width + inset.left - inset.right - size.width * zoom) / 2,
      y: (viewport.height + inset.top - inset.bottom - size.height * zoom) / 2,
    });
  }

  /** Zooms about the middle of the canvas. */
  zoomTo(zoom: number): void {
    const { width, height } = this.#viewport();
    this.#zoomAbout(zoom, { x: width / 2, y: height / 2 });
  }

  zoomBy(factor: number): void {
    this.zoomTo(this.view.zoom * factor);
  }

  #viewport(): Size {
    return { width: this.#canvas.getWidth(), height: this.#canvas.getHeight() };
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#host;
    if (width < 1 || height < 1) return;
    config.configure({ devicePixelRatio: window.devicePixelRatio });
    this.#canvas.setDimensions({ width, height });
    if (this.#fitted) this.fit();
    else this.#setView(this.view);
  }

  #setView(view: ViewTransform): void {
    const ratio = window.devicePixelRatio || 1;
    // Whole device pixels, so that the borders of masks are sharp wherever the zoom allows.
    const x = Math.round(view.x * ratio) / ratio;
    const y = Math.round(view.y * ratio) / ratio;
    this.#canvas.setViewportTransform([view.zoom, 0, 0, view.zoom, x, y]);
    this.#arrangeHandles();
    this.#canvas.requestRenderAll();
    this.#layer.setView({ zoom: view.zoom, x, y }, this.#viewport());
    this.#events.viewed({ zoom: view.zoom, x, y }, this.#viewport());
  }

  #zoomAbout(zoom: number, at: { x: number; y: number }): void {
    const before = this.view;
    const next = clamp(zoom, leastZoom, greatestZoom);
    const factor = next / before.zoom;
    this.#fitted = false;
    this.#setView({ zoom: next, x: at.x - (at.x - before.x) * factor, y: at.y - (at.y - before.y) * factor });
  }

  #wheel(event: WheelEvent, at: ScreenPoint): void {
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    const delta = clamp(event.deltaY * lines, -240, 240);
    if (event.altKey && this.#tools.paints) {
      if (delta !== 0) this.#events.edit.brushStepped(delta < 0 ? 1 : -1);
      return;
    }
    if (event.shiftKey) {
      const { zoom, x, y } = this.view;
      this.#fitted = false;
      this.#setView({ zoom, x: x - (event.deltaX || delta), y });
      return;
    }
    this.#zoomAbout(this.view.zoom * 2 ** (-delta / 240), at);
  }

  #inside(point: { x: number; y: number }): Point {
    const size = this.#scene.size ?? { width: 0, height: 0 };
    return { x: clamp(point.x, 0, size.width), y: clamp(point.y, 0, size.height) };
  }

  #isOnImage(point: { x: number; y: number }): boolean {
    const { size } = this.#scene;
    return !!size && point.x >= 0 && point.y >= 0 && point.x < size.width && point.y < size.height;
  }

  #down(event: MouseEvent, target: FabricObject | undefined, point: ScreenPoint): void {
    if (event.button === 1 || (event.button === 0 && this.#spaceHeld)) {
      event.preventDefault();
      this.#startPan(event);
      return;
    }
    if (this.#scene.size && this.#tools.down(this.#sample(point, event), event, this.view.zoom)) {
      this.#trail = [];
      this.#drag = { kind: 'tool' };
      return;
    }
    if (target) {
      if (event.button === 0) this.#drag = { kind: 'edit' };
      return;
    }
    if (!this.#scene.size) return;
    const { tool } = this.#scene;
    if (event.button === 0 && tool === 'select') this.#startPan(event);
    if (event.button === 0 && tool === 'box') {
      const from = this.#inside(point);
      this.#drag = { kind: 'draw', from, to: from };
    }
  }

  #startPan(event: MouseEvent): void {
    this.#drag = { kind: 'pan', x: event.clientX, y: event.clientY, view: this.view, moved: false };
    this.#showCursor();
  }

  #move(event: MouseEvent, target: FabricObject | undefined, point: ScreenPoint): void {
    const drag = this.#drag;
    if (drag?.kind === 'pan') {
      const dx = event.clientX - drag.x;
      const dy = event.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < clickSlop) return;
      drag.moved = true;
      this.#fitted = false;
      this.#setView({ zoom: drag.view.zoom, x: drag.view.x + dx, y: drag.view.y + dy });
      return;
    }
    this.#events.moved(this.#isOnImage(point) ? { x: point.x, y: point.y } : null);
    if (this.#edit && (!drag || drag.kind === 'tool')) {
      const trail = this.#trail.length > 0 ? this.#trail : [this.#sample(point, event)];
      this.#trail = [];
      this.#tools.move(trail, event, this.view.zoom);
      if (drag?.kind === 'tool') return;
      this.#showCursor(point);
    }
    if (drag?.kind === 'draw') {
      drag.to = this.#inside(point);
      const box = wholePixels(normalizeBox(drag.from, drag.to));
      this.#events.drafted(isDrawn(box) ? { name: 'segment_box', box } : null);
      this.#canvas.requestRenderAll();
      return;
    }
    if (!drag) this.#events.probed(target || event.buttons !== 0 ? null : this.#pointAt(event, point));
    if (this.#scene.tool === 'select' && !drag) this.#events.hovered(this.#hit(point)[0] ?? null);
    this.#painter.cursor = { x: point.x, y: point.y };
    if (this.#scene.polygon.length > 0) this.#canvas.requestRenderAll();
  }

  #up(event: MouseEvent, point: ScreenPoint, isClick: boolean): void {
    const drag = this.#drag;
    this.#drag = null;
    this.#showCursor();
    if (drag?.kind === 'tool') {
      this.#tools.up({ x: point.x, y: point.y });
      return;
    }
    if (drag?.kind === 'pan') {
      if (!drag.moved && event.button === 0 && !this.#spaceHeld) {
        this.#events.picked(this.#hit(point), event.shiftKey);
      }
      return;
    }
    if (drag?.kind === 'edit') {
      const edited = this.#current;
      this.#current = null;
      if (edited) this.#events.edited(edited);
      else if (this.#scene.tool === 'select' && isClick) {
        this.#events.picked(this.#hit(point), event.shiftKey);
      }
      this.#arrangeHandles();
      this.#canvas.requestRenderAll();
      return;
    }
    if (drag?.kind === 'draw') {
      const box = wholePixels(normalizeBox(drag.from, drag.to));
      const { zoom } = this.view;
      const wide = (drag.to.x - drag.from.x) * zoom;
      const high = (drag.to.y - drag.from.y) * zoom;
      if (isDrawn(box) && Math.max(Math.abs(wide), Math.abs(high)) > clickSlop) {
        this.#events.gesture({ name: 'segment_box', box });
      } else this.#events.drafted(null);
      this.#canvas.requestRenderAll();
      return;
    }
    if (!this.#isOnImage(point) || event.button === 1) return;
    const clicked = this.#pointAt(event, point);
    if (clicked) this.#events.gesture(clicked);
    else if (this.#scene.tool === 'polygon' && event.button === 0) this.#addVertex(point);
  }

  /** The point that a click here makes; null with a tool that makes none, or beside the image. */
  #pointAt(event: MouseEvent, point: ScreenPoint): Gesture | null {
    const { tool } = this.#scene;
    if ((tool !== 'positive' && tool !== 'negative') || !this.#isOnImage(point)) return null;
    const negative = (tool === 'negative') !== (event.altKey || event.button === 2);
    return {
      name: 'add_point',
      point: { x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 },
      label: negative ? 'negative' : 'positive',
    };
  }

  #addVertex(point: ScreenPoint): void {
    const { polygon } = this.#scene;
    const { zoom } = this.view;
    const vertex = { x: Math.round(point.x * 2) / 2, y: Math.round(point.y * 2) / 2 };
    const isNear = (other: Point | undefined, reach: number): boolean =>
      !!other && Math.hypot(other.x - point.x, other.y - point.y) * zoom <= reach;
    if (polygon.length >= 3 && isNear(polygon[0], closeReach)) this.#events.closePolygon();
    else if (!isNear(polygon.at(-1), clickSlop)) this.#events.vertex(vertex);
  }

  #leave(): void {
    this.#events.moved(null);
    this.#events.hovered(null);
    this.#events.probed(null);
    this.#painter.cursor = null;
    this.#tools.showPointer(null, false);
    this.#canvas.requestRenderAll();
  }

  readonly #follow = (event: PointerEvent): void => {
    if (!this.#edit) return;
    const place = this.#host.getBoundingClientRect();
    const { zoom, x, y } = this.view;
    const all = event.getCoalescedEvents();
    for (const one of all.length > 0 ? all : [event]) {
      this.#trail.push({
        x: (one.clientX - place.left - x) / zoom,
        y: (one.clientY - place.top - y) / zoom,
        pressure: one.pointerType === 'pen' ? one.pressure : null,
      });
    }
  };

  /** Alt shows at once that the brush erases, or the eraser paints. */
  readonly #alt = (event: KeyboardEvent): void => {
    if (event.key !== 'Alt' || !this.#tools.paints) return;
    // Some systems open the window's menu with it.
    event.preventDefault();
    const held = event.type === 'keydown';
    if (held === this.#altHeld) return;
    this.#altHeld = held;
    const { cursor } = this.#painter;
    if (cursor) this.#tools.showPointer(cursor, held);
  };

  #sample(point: ScreenPoint, event: MouseEvent): Sample {
    const pressure = event instanceof PointerEvent && event.pointerType === 'pen' ? event.pressure : null;
    return { x: point.x, y: point.y, pressure };
  }

  /** Masks under a point, topmost first. */
  #hit(point: Point): number[] {
    if (!this.#scene.masksVisible) return [];
    const found: number[] = [];
    for (const item of this.#scene.items) if (item.shape.covers(point)) found.unshift(item.id);
    return found;
  }

  #band(): Box | null {
    return this.#drag?.kind === 'draw' ? wholePixels(normalizeBox(this.#drag.from, this.#drag.to)) : null;
  }

  #showCursor(at: Point | null = null): void {
    const { tool } = this.#scene;
    const own = this.#tools.cursorAt(at ?? { x: Number.NaN, y: Number.NaN }, this.view.zoom);
    const idle = own ?? (tool === 'select' || this.#edit?.polygon ? 'default' : 'crosshair');
    const cursor = this.#drag?.kind === 'pan' ? 'grabbing' : this.#spaceHeld ? 'grab' : idle;
    this.#canvas.defaultCursor = cursor;
    this.#canvas.setCursor(cursor);
  }

  /** Makes, moves or removes the fabric objects so that they match the editable call. */
  #arrangeHandles(): void {
    const { editable, tool, masksVisible } = this.#scene;
    const gesture = this.#current ?? editable?.gesture ?? null;
    const kind = gesture && masksVisible ? (handleKind(gesture) ?? '') : '';
    const key = kind === '' ? '' : `${kind} ${editable?.color}`;
    if (key !== this.#editedKey) {
      this.#editedKey = key;
      this.#canvas.remove(...this.#canvas.getObjects());
      this.#frame = null;
      this.#marker = null;
      this.#handles = [];
      if (kind === 'box') this.#makeBox(editable?.color ?? '#fff');
      if (kind === 'point') this.#makePoint();
    }
    const { zoom } = this.view;
    if (gesture && 'box' in gesture && this.#frame) {
      const { x1, y1, x2, y2 } = gesture.box;
      this.#frame.set({ left: (x1 + x2) / 2, top: (y1 + y2) / 2, width: x2 - x1, height: y2 - y1 });
      // Over the box, other tools start a new gesture; only the select tool moves it.
      this.#frame.set({ evented: tool === 'select' });
      this.#frame.setCoords();
      for (const { object, handle } of this.#handles) {
        object.set({
          left: handle.dx < 0 ? x1 : handle.dx > 0 ? x2 : (x1 + x2) / 2,
          top: handle.dy < 0 ? y1 : handle.dy > 0 ? y2 : (y1 + y2) / 2,
          width: handleSize / zoom,
          height: handleSize / zoom,
          strokeWidth: 1.25 / zoom,
        });
        object.setCoords();
      }
    }
    if (gesture?.name === 'add_point' && this.#marker) {
      this.#marker.set({ left: gesture.point.x, top: gesture.point.y, radius: pointReach / zoom });
      this.#marker.setCoords();
    }
  }

  #makeBox(color: string): void {
    const fixed = { hasControls: false, hasBorders: false, objectCaching: false, strokeUniform: true };
    this.#frame = new Rect({
      ...fixed,
      originX: 'center',
      originY: 'center',
      fill: 'transparent',
      strokeWidth: 0,
      hoverCursor: 'move',
      moveCursor: 'move',
    });
    this.#handles = handles.map((handle) => ({
      handle,
      object: new Rect({
        ...fixed,
        originX: 'center',
        originY: 'center',
        fill: '#ffffff',
        stroke: color,
        padding: 5,
        hoverCursor: handle.cursor,
        moveCursor: handle.cursor,
        lockMovementX: handle.dx === 0,
        lockMovementY: handle.dy === 0,
      }),
    }));
    this.#canvas.add(this.#frame, ...this.#handles.map(({ object }) => object));
  }

  #makePoint(): void {
    this.#marker = new Circle({
      originX: 'center',
      originY: 'center',
      fill: 'transparent',
      strokeWidth: 0,
      hasControls: false,
      hasBorders: false,
      objectCaching: false,
      hoverCursor: 'move',
      moveCursor: 'move',
    });
    this.#canvas.add(this.#marker);
  }

  /** Fabric moved one of the objects: turns that into a new box or point. */
  #moving(target: FabricObject): void {
    const start = this.#current ?? this.#scene.editable?.gesture;
    const size = this.#scene.size;
    if (!start || !size) return;
    const x = target.left;
    const y = target.top;
    if (start.name === 'add_point') {
      const inside = this.#inside({ x, y });
      this.#current = {
        ...start,
        point: {
          x: Math.min(Math.floor(inside.x), size.width - 1) + 0.5,
          y: Math.min(Math.floor(inside.y), size.height - 1) + 0.5,
        },
      };
    } else if (start.name === 'segment_box' || start.name === 'zoom') {
      const { x1, y1, x2, y2 } = start.box;
      const pulled = this.#handles.find(({ object }) => object === target)?.handle;
      if (pulled) {
        const px = clamp(Math.round(x), 0, size.width);
        const py = clamp(Math.round(y), 0, size.height);
        this.#current = {
          ...start,
          box: {
            x1: pulled.dx < 0 ? Math.min(px, x2 - 1) : x1,
            y1: pulled.dy < 0 ? Math.min(py, y2 - 1) : y1,
            x2: pulled.dx > 0 ? Math.max(px, x1 + 1) : x2,
            y2: pulled.dy > 0 ? Math.max(py, y1 + 1) : y2,
          },
        };
      } else {
        const width = x2 - x1;
        const height = y2 - y1;
        const left = clamp(Math.round(x - width / 2), 0, Math.max(0, size.width - width));
        const top = clamp(Math.round(y - height / 2), 0, Math.max(0, size.height - height));
        this.#current = { ...start, box: { x1: left, y1: top, x2: left + width, y2: top + height } };
      }
    } else return;
    this.#arrangeHandles();
    this.#events.dragged(this.#current);
  }
}

function handleKind(gesture: Gesture): 'box' | 'point' | null {
  if (gesture.name === 'add_point') return 'point';
  return gesture.name === 'segment_box' || gesture.name === 'zoom' ? 'box' : null;
}

function wholePixels(box: Box): Box {
  return { x1: Math.round(box.x1), y1: Math.round(box.y1), x2: Math.round(box.x2), y2: Math.round(box.y2) };
}

function isDrawn(box: Box): boolean {
  return box.x2 > box.x1 && box.y2 > box.y1;
}
