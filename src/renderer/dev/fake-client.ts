import type { Connection } from '@shared/contract/connection';
import { MaskwrightError } from '@shared/contract/errors';
import type {
  Annotation,
  EpisodeState,
  EventName,
  EventPayload,
  Gesture,
  ImageSummary,
  MethodInput,
  MethodName,
  MethodOutput,
  PendingCall,
} from '@shared/contract/methods';
import { fullView } from '@shared/geometry/view';
import { createBitmap } from '@shared/mask/bitmap';
import { encodeMask, type Rle, rleArea, rleBbox } from '@shared/mask/rle';
import type { Author, Observation, TrajectoryNode } from '@shared/trajectory/schema';
import {
  appendNode,
  appendVerdict,
  newTrajectory,
  nextNodeId,
  observationAt,
  pathTo,
  withOutcome,
} from '@shared/trajectory/tree';

const params = new URLSearchParams(location.search);
declare const __IMAGES__: [string, number, number][];
const colors = ['#56b4e9', '#e69f00', '#f0e442', '#cc79a7', '#0072b2', '#d55e00', '#009e73'];
const many = Number(params.get('many') ?? 0);
const empty = params.has('empty');
const ready = !params.has('noagent');
let open = !params.has('closed');
const wait = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms));

const images: ImageSummary[] = empty
  ? []
  : Array.from({ length: many || __IMAGES__.length }, (_, i) => {
      const [name, width, height] = __IMAGES__[i % __IMAGES__.length]!;
      return {
        id: many ? `${i}-${name}` : name,
        name: many ? `${i}-${name}` : name,
        width,
        height,
        state: (i % 5 === 0 ? 'done' : i % 5 === 2 ? 'review' : 'todo') as ImageSummary['state'],
        annotations: i % 5 === 0 ? 2 : 0,
        trajectories: 1,
      };
    });
images.forEach((i, n) => {
  if (n === 6) i.state = 'todo';
});
const categories = [
  'person',
  'tie',
  'scissors',
  'cup',
  params.has('long')
    ? 'a category with a very long name that somebody pasted from a spreadsheet, including commas, and which goes on and on without any regard for the width of panels'
    : 'train',
].map((name, i) => ({ id: i + 1, name, supercategory: '', color: colors[i % colors.length]! }));
let annotations: Annotation[] = [];
let nextAnnotation = 1;
const undoStack: { label: string; before: Annotation[]; after: Annotation[] }[] = [];
let redoStack: typeof undoStack = [];

function ellipse(
  size: { width: number; height: number },
  box: { x1: number; y1: number; x2: number; y2: number },
  holes: { x: number; y: number }[] = [],
): Rle {
  const b = createBitmap(size.width, size.height);
  const cx = (box.x1 + box.x2) / 2,
    cy = (box.y1 + box.y2) / 2,
    rx = (box.x2 - box.x1) / 2,
    ry = (box.y2 - box.y1) / 2;
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++) {
      const d =
        ((x + 0.5 - cx) / rx) ** 2 + ((y + 0.5 - cy) / ry) ** 2 + 0.12 * Math.sin(x / 9) * Math.cos(y / 7);
      if (d < 1 && !holes.some((h) => Math.hypot(h.x - x, h.y - y) < 28)) b.data[y * size.width + x] = 1;
    }
  return encodeMask(b);
}
function annotate(
  imageId: string,
  categoryId: number,
  mask: Rle,
  author: Author,
  score: number | null,
): Annotation {
  return {
    id: nextAnnotation++,
    imageId,
    categoryId,
    mask,
    bbox: rleBbox(mask),
    area: rleArea(mask),
    iscrowd: false,
    author,
    score,
    query: null,
    trajectoryId: null,
  };
}
const sample = images.find((i) => i.name.includes('165')) ?? images[0];
if (sample) {
  annotations.push(
    annotate(sample.id, 1, ellipse(sample, { x1: 10, y1: 40, x2: 270, y2: 520 }), 'human', null),
  );
  annotations.push(
    annotate(sample.id, 1, ellipse(sample, { x1: 380, y1: 110, x2: 620, y2: 530 }), 'agent', 0.96),
  );
  annotations.push(
    annotate(sample.id, 2, ellipse(sample, { x1: 160, y1: 170, x2: 260, y2: 440 }), 'simulator', 0.88),
  );
}
const script: { thought: string; gesture: Gesture | null; problem?: string }[] = [
  {
    thought: 'The longest bright object is the ribbon.',
    gesture: { name: 'segment_box', box: { x1: 18, y1: 402, x2: 600, y2: 520 } },
  },
  {
    thought:
      'The left handle is missing, one positive point on it should bring it in; the blade is already covered and I do not want to lose the part that lies on the tie.',
    gesture: { name: 'add_point', point: { x: 159.5, y: 255.5 }, label: 'positive' },
  },
  {
    thought: 'I point outside of the picture.',
    gesture: null,
    problem: 'x is 1200, but it has to be between 0 and 1000.',
  },
  {
    thought: 'The mask still holds part of the hand. A negative point there should remove it.',
    gesture: { name: 'add_point', point: { x: 347.5, y: 285.5 }, label: 'negative' },
  },
  { thought: 'The scissors are covered.', gesture: { name: 'finish' } },
];

export function fakeConnection(): Connection {
  const listeners = new Map<string, Set<(p: unknown) => void>>();
  const emit = <E extends EventName>(e: E, p: EventPayload<E>): void => {
    for (const l of listeners.get(e) ?? []) l(structuredClone(p));
  };
  const episodes = new Map<string, { state: EpisodeState; next: number }>();
  const image = (id: string): ImageSummary => images.find((i) => i.id === id)!;
  const project = (): MethodOutput<'project.current'> =>
    open
      ? {
          name: params.has('long')
            ? 'Ribbon cuttings of the years 2009 to 2024, second selection'
            : 'Ribbon cuttings',
          location: '/data/ribbons/maskwright.db',
          isSample: true,
          counts: {
            images: images.length,
            todo: images.filter((i) => i.state === 'todo').length,
            review: images.filter((i) => i.state === 'review').length,
            done: images.filter((i) => i.state === 'done').length,
            annotations: annotations.length,
          },
          categories,
        }
      : null;
  const marks = (): { undo: string | null; redo: string | null } => ({
    undo: undoStack.at(-1)?.label ?? null,
    redo: redoStack.at(-1)?.label ?? null,
  });
  const change = (label: string, after: Annotation[]): void => {
    undoStack.push({ label, before: annotations, after });
    redoStack = [];
    annotations = after;
    emit('history.changed', marks());
    emit('project.changed', project());
  };

  const observe = (state: EpisodeState, parent: Observation, g: Gesture): Observation => {
    const img = image(state.imageId);
    const size = { width: img.width, height: img.height };
    const old = parent.objects[0];
    let box = old?.box ?? null;
    let points = old?.points ?? [];
    if (g.name === 'segment_box') {
      box = g.box;
      points = [];
    }
    if (g.name === 'add_point') points = [...points, { ...g.point, label: g.label }];
    const mask = box
      ? ellipse(
          size,
          box,
          points.filter((p) => p.label === 'negative'),
        )
      : points[0]
        ? ellipse(size, {
            x1: points[0].x - 40,
            y1: points[0].y - 40,
            x2: points[0].x + 40,
            y2: points[0].y + 40,
          })
        : null;
    const view = g.name === 'zoom' ? { ...parent.view, box: g.box } : parent.view;
    return {
      text: 'ok',
      view,
      objects: mask ? [{ id: 1, box, points, mask, predictedIou: 0.8 + points.length * 0.05 }] : [],
      activeObject: 1,
      turn: parent.turn + 1,
      turnsLeft: parent.turnsLeft - 1,
    };
  };
  const put = (s: EpisodeState): EpisodeState => {
    episodes.get(s.episodeId)!.state = s;
    emit('episode.changed', s);
    return s;
  };
  const run = (
    s: EpisodeState,
    author: Author,
    thought: string,
    g: Gesture | null,
    parent: string | null,
    problem: string | null,
  ): EpisodeState => {
    const id = nextNodeId(s.trajectory);
    const before = observationAt(s.trajectory, parent);
    const args = g && 'box' in g ? g.box : g?.name === 'add_point' ? { ...g.point, label: g.label } : {};
    const round = Object.fromEntries(
      Object.entries(args).map(([k, v]) => [k, typeof v === 'number' ? Math.round(v) : v]),
    );
    const node: TrajectoryNode = {
      id,
      parent,
      author,
      thought,
      call: { name: g?.name ?? 'add_point', arguments: g ? round : { x: 1200, y: 40, label: 'positive' } },
      raw: '',
      observation: g ? observe(s, before, g) : { ...before, turn: before.turn + 1 },
      invalid: problem,
      ended: g?.name === 'finish' ? 'finished' : g?.name === 'report_no_target' ? 'no_target' : null,
      timings: { policyMs: author === 'agent' ? 1240 : 0, environmentMs: 38 },
      usage: author === 'agent' ? { completionTokens: 96 } : {},
      iou: null,
      at: new Date().toISOString(),
    };
    return {
      ...s,
      trajectory: appendNode(s.trajectory, node),
      head: id,
      gestures: g ? { ...s.gestures, [id]: g } : s.gestures,
      status: node.ended ? 'ended' : 'waiting',
      pending: null,
    };
  };
  const ghostNode = (s: EpisodeState): EpisodeState => {
    if (!s.pending) return s;
    const id = nextNodeId(s.trajectory);
    const node: TrajectoryNode = {
      id,
      parent: s.head,
      author: 'agent',
      thought: s.pending.thought,
      call: { name: s.pending.name ?? '?', arguments: JSON.parse(s.pending.written || '{}') },
      raw: '',
      observation: null,
      invalid: null,
      ended: null,
      timings: { policyMs: 1240, environmentMs: 0 },
      usage: { completionTokens: 60 },
      iou: null,
      at: new Date().toISOString(),
    };
    let t = appendNode(s.trajectory, node);
    t = appendVerdict(t, {
      node: id,
      verdict: 'rejected',
      by: 'human',
      replacement: null,
      reason: null,
      at: new Date().toISOString(),
    });
    return { ...s, trajectory: t, pending: null };
  };
  const propose = async (id: string): Promise<EpisodeState> => {
    const e = episodes.get(id)!;
    put({ ...e.state, status: 'thinking', pending: null });
    const step = script[e.next % script.length]!;
    for (const word of step.thought.split(' ').slice(0, 12)) {
      await wait(params.has('slow') ? 300 : 12);
      emit('episode.text', { episodeId: id, text: `${word} ` });
    }
    if (e.state.status !== 'thinking') return e.state;
    const g = step.gesture;
    const written =
      g && 'box' in g
        ? JSON.stringify(Object.fromEntries(Object.entries(g.box).map(([k, v]) => [k, Math.round(v)])))
        : g?.name === 'add_point'
          ? `{"x": ${Math.round(g.point.x)}, "y": ${Math.round(g.point.y)}, "label": "${g.label}"}`
          : g
            ? '{}'
            : '{"x": 1200, "y": 40, "label": "positive"}';
    const pending: PendingCall = {
      thought: step.thought,
      name: g?.name ?? 'add_point',
      gesture: g,
      written,
      problem: step.problem ?? null,
    };
    return put({ ...e.state, status: 'proposed', pending });
  };
  const acceptCall = async (id: string): Promise<EpisodeState> => {
    const e = episodes.get(id)!;
    const p = e.state.pending!;
    put({ ...e.state, status: 'acting' });
    await wait(60);
    e.next++;
    let s = run(e.state, 'agent', p.thought, p.gesture, e.state.head, p.problem);
    s = {
      ...s,
      trajectory: appendVerdict(s.trajectory, {
        node: s.head!,
        verdict: 'accepted',
        by: 'human',
        replacement: null,
        reason: null,
        at: new Date().toISOString(),
      }),
    };
    return put(s);
  };
  const auto = async (id: string): Promise<void> => {
    for (;;) {
      const e = episodes.get(id)!;
      if (e.state.mode !== 'auto' || e.state.status === 'ended') return;
      await propose(id);
      await wait(200);
      if (episodes.get(id)!.state.status !== 'proposed') return;
      await acceptCall(id);
      await wait(150);
    }
  };

  const handlers: { [M in MethodName]?: (i: never) => Promise<unknown> } = {
    'app.info': async () => ({
      name: 'Maskwright',
      version: '0',
      segmenter: params.has('noseg')
        ? {
            ready: false,
            name: '',
            device: '',
            detail: 'No segmenter is installed. Give the encoder and decoder of a SAM model below.',
          }
        : {
            ready: true,
            name: 'EfficientSAM Ti',
            device: 'CPU',
            detail: 'onnxruntime 1.30, 2 threads. CUDA was not found: no NVIDIA driver.',
          },
      agent: ready
        ? { ready: true, name: 'Qwen2.5-VL 7B', device: 'CUDA', detail: '28 of 28 layers on the GPU.' }
        : { ready: false, name: '', device: '', detail: 'No model is configured.' },
    }),
    'app.configureAgent': async () => {
      await wait(600);
      throw new MaskwrightError('MODEL_MISSING', 'There is no file model.gguf.', {
        hint: 'Give the path of a GGUF file that this computer can read.',
      });
    },
    'app.configureSegmenter': async () => {
      await wait(600);
      throw new MaskwrightError('MODEL_MISSING', 'There is no file encoder.onnx.', {
        hint: 'Give two ONNX files, separated by a comma.',
      });
    },
    'jobs.list': async () =>
      params.has('job')
        ? [
            {
              id: 'j',
              kind: 'import',
              label: 'Reading images',
              status: 'running',
              done: 120,
              total: 340,
              rate: 20,
              eta: 11,
              message: null,
              failures: [],
            },
          ]
        : [],
    'project.current': async () => project(),
    'project.recent': async () => [
      { location: '/data/ribbons/maskwright.db', name: 'Ribbon cuttings', openedAt: '' },
      {
        location: '/home/anna/very/long/path/to/some/folder/of/cups/and/mugs/maskwright.db',
        name: 'Cups and mugs',
        openedAt: '',
      },
    ],
    'project.open': async () => {
      open = true;
      return project();
    },
    'project.openSample': async () => {
      open = true;
      return project();
    },
    'project.exportCoco': async () => ({
      fileName: 'ribbons.coco.json',
      json: '{}',
      annotations: annotations.length,
      images: images.length,
    }),
    'project.exportTrajectories': async () => ({ fileName: 'ribbons.jsonl', jsonl: '{}', trajectories: 3 }),
    'images.list': async (i: MethodInput<'images.list'>) => {
      const f = images.filter((x) => (!i.state || x.state === i.state) && x.name.includes(i.search));
      return { total: f.length, items: f.slice(i.offset, i.offset + i.limit) };
    },
    'images.prefetch': async () => ({}),
    'images.setState': async (i: MethodInput<'images.setState'>) => {
      image(i.imageId).state = i.state;
      emit('images.changed', { imageIds: [i.imageId] });
      emit('project.changed', project());
      return marks();
    },
    'categories.create': async (i: MethodInput<'categories.create'>) => {
      const c = {
        id: categories.length + 1,
        name: i.name,
        supercategory: '',
        color: colors[categories.length % colors.length]!,
      };
      categories.push(c);
      emit('project.changed', project());
      return c;
    },
    'annotations.list': async (i: { imageId: string }) => annotations.filter((a) => a.imageId === i.imageId),
    'annotations.create': async (i: MethodInput<'annotations.create'>) => {
      const a = annotate(i.imageId, i.categoryId, i.mask, 'human', null);
      change('Polygon', [...annotations, a]);
      return { annotation: a, history: marks() };
    },
    'annotations.update': async (i: MethodInput<'annotations.update'>) => {
      const a = { ...annotations.find((x) => x.id === i.annotationId)!, categoryId: i.categoryId! };
      change(
        'Change category',
        annotations.map((x) => (x.id === a.id ? a : x)),
      );
      return { annotation: a, history: marks() };
    },
    'annotations.delete': async (i: { annotationId: number }) => {
      change(
        'Delete mask',
        annotations.filter((a) => a.id !== i.annotationId),
      );
      return marks();
    },
    'history.state': async () => marks(),
    'history.undo': async () => {
      const m = undoStack.pop();
      if (m) {
        redoStack.push(m);
        annotations = m.before;
      }
      return marks();
    },
    'history.redo': async () => {
      const m = redoStack.pop();
      if (m) {
        undoStack.push(m);
        annotations = m.after;
      }
      return marks();
    },
    'trajectories.list': async (i: { imageId: string }) => [
      {
        id: 't1',
        imageId: i.imageId,
        query: 'the tool used to cut the ribbon',
        status: 'finished',
        turns: 4,
        author: 'simulator',
        createdAt: '',
      },
    ],
    'episode.start': async (i: MethodInput<'episode.start'>) => {
      const img = image(i.imageId);
      const episodeId = `e${episodes.size + 1}`;
      const view = { ...fullView(img, { multiple: 28, minPixels: 65536, maxPixels: 589824 }) };
      const root: Observation = {
        text: '',
        view,
        objects: [],
        activeObject: 1,
        turn: 0,
        turnsLeft: i.turnBudget,
      };
      const t = newTrajectory(
        {
          schemaVersion: 1,
          id: `t${episodeId}`,
          createdAt: new Date().toISOString(),
          application: { name: 'x', version: '0' },
          image: { hash: '', name: img.name, width: img.width, height: img.height },
          query: i.query,
          coordinates: 'norm1000',
          turnBudget: i.turnBudget,
          policy: { kind: 'fake', name: 'fake' },
          segmenter: { name: 'fake', signature: '' },
          view: { multiple: 28, minPixels: 1, maxPixels: 1 },
          overlay: { activeColor: [0, 1, 0], otherColor: [0, 0, 1], alpha: 0.5, contourPx: 2, markerPx: 6 },
          seed: null,
        },
        root,
      );
      const state: EpisodeState = {
        episodeId,
        imageId: i.imageId,
        mode: i.mode,
        status: 'waiting',
        head: null,
        pending: null,
        trajectory: t,
        canPropose: i.source.kind !== 'none',
        gestures: {},
        error: null,
      };
      episodes.set(episodeId, { state, next: 0 });
      if (i.mode === 'auto') setTimeout(() => void auto(episodeId), 10);
      return state;
    },
    'episode.state': async (i: { episodeId: string }) => episodes.get(i.episodeId)!.state,
    'episode.setMode': async (i: MethodInput<'episode.setMode'>) => {
      const s = put({ ...episodes.get(i.episodeId)!.state, mode: i.mode });
      if (i.mode === 'auto') setTimeout(() => void auto(i.episodeId), 10);
      return s;
    },
    'episode.propose': async (i: { episodeId: string }) => propose(i.episodeId),
    'episode.acceptCall': async (i: { episodeId: string }) => acceptCall(i.episodeId),
    'episode.rejectCall': async (i: { episodeId: string }) => {
      episodes.get(i.episodeId)!.next++;
      return put({ ...ghostNode(episodes.get(i.episodeId)!.state), status: 'waiting' });
    },
    'episode.act': async (i: MethodInput<'episode.act'>) => {
      await wait(60);
      const e = episodes.get(i.episodeId)!;
      if (e.state.pending) e.next++;
      const s = ghostNode(e.state);
      return put(run(s, 'human', '', i.gesture, s.head, null));
    },
    'episode.correct': async (i: MethodInput<'episode.correct'>) => {
      const e = episodes.get(i.episodeId)!;
      const node = e.state.trajectory.nodes.find((n) => n.id === i.nodeId)!;
      let s = run(e.state, 'human', '', i.gesture, node.parent, null);
      s = {
        ...s,
        trajectory: appendVerdict(s.trajectory, {
          node: node.id,
          verdict: 'corrected',
          by: 'human',
          replacement: s.head,
          reason: null,
          at: new Date().toISOString(),
        }),
      };
      return put(s);
    },
    'episode.goTo': async (i: MethodInput<'episode.goTo'>) => {
      const e = episodes.get(i.episodeId)!;
      pathTo(e.state.trajectory, i.nodeId);
      return put({ ...e.state, head: i.nodeId, status: 'waiting', pending: null });
    },
    'episode.stop': async (i: { episodeId: string }) =>
      put({ ...episodes.get(i.episodeId)!.state, status: 'waiting', mode: 'manual', pending: null }),
    'episode.accept': async (i: MethodInput<'episode.accept'>) => {
      const e = episodes.get(i.episodeId)!;
      const s = e.state;
      const made = observationAt(s.trajectory, s.head).objects.flatMap((o) =>
        o.mask ? [annotate(s.imageId, i.categoryId, o.mask, 'agent', o.predictedIou)] : [],
      );
      change('Accept', [...annotations, ...made]);
      image(s.imageId).state = 'done';
      emit('images.changed', { imageIds: [s.imageId] });
      emit('project.changed', project());
      const category = categories.find((c) => c.id === i.categoryId)!.name;
      return {
        state: put({
          ...s,
          status: 'accepted',
          trajectory: withOutcome(s.trajectory, {
            status: 'accepted',
            node: s.head,
            masks: [],
            category,
            message: null,
          }),
        }),
        annotations: made,
        history: marks(),
      };
    },
    'episode.reject': async (i: { episodeId: string }) =>
      put({ ...episodes.get(i.episodeId)!.state, status: 'rejected', pending: null }),
    'episode.observationImage': async (i: MethodInput<'episode.observationImage'>) => {
      const s = episodes.get(i.episodeId)!.state;
      const r = await fetch(`/image/${encodeURIComponent(s.imageId)}?variant=full`);
      return { mime: 'image/jpeg', bytes: new Uint8Array(await r.arrayBuffer()) };
    },
    'segment.preview': async (i: MethodInput<'segment.preview'>) => {
      await wait(40);
      const s = episodes.get(i.episodeId)!.state;
      const o = observe(s, observationAt(s.trajectory, s.head), i.gesture);
      return { mask: o.objects[0]?.mask ?? null };
    },
  };
  return {
    status: 'connected',
    final: false,
    async call<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M>> {
      const h = handlers[method] as ((i: unknown) => Promise<unknown>) | undefined;
      if (!h) throw new MaskwrightError('INTERNAL', `fake: ${method}`);
      return structuredClone(await h(structuredClone(input))) as MethodOutput<M>;
    },
    on(event, listener) {
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set);
      set.add(listener as (p: unknown) => void);
      return () => set.delete(listener as (p: unknown) => void);
    },
    onStatus(l) {
      if (params.has('lost')) setTimeout(() => l('lost'), 500);
      return () => undefined;
    },
    onDisconnect: () => () => undefined,
    close: () => undefined,
  };
}
