import { join } from 'node:path';
import { exportToFolder, readBack } from '@engine/exporters';
import type { ProjectStore } from '@engine/project';
import { defaultExportOptions, type ExportFormat, type ExportOptions } from '@shared/contract/formats';
import { decodeMask, encodeMask, isEmptyRle } from '@shared/mask/rle';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { photographs } from '../support/format-project';
import { temporaryFolder } from '../support/project-data';
import { hasPythonModule, runPython } from '../support/python';
import { coco20, hasSharedData } from '../support/shared-data';

/**
 * The readers that users have open what is exported and find the same masks. MASKWRIGHT_TEST_PYTHON names a Python that
 * has them; docs/formats.md says how to make one.
 */
const hasData = hasSharedData('exports in the readers of others');
const has = (module: string, what: string): boolean =>
  hasPythonModule('pycocotools.mask, numpy', what) && hasPythonModule(module, what);

/** Masks as pycocotools encodes them, by image and class. */
const encode = `
import sys, json, io, contextlib, os
from collections import defaultdict
import numpy as np
from pycocotools import mask as M
args = json.load(sys.stdin)
found = defaultdict(list)
def add(image, name, bits):
    stem = os.path.splitext(os.path.basename(image))[0]
    counts = M.encode(np.asfortranarray(np.asarray(bits).astype(np.uint8)))['counts'].decode()
    found[stem + ' ' + name].append(counts)
def done():
    print('\\n' + json.dumps({key: sorted(value) for key, value in found.items()}))
`;

const foundSchema = z.record(z.string(), z.array(z.string()));
function ask(script: string, input: unknown): Record<string, string[]> {
  return foundSchema.parse(runPython(`${encode}\n${script}\ndone()`, input));
}

describe.skipIf(!hasData)('exports in the readers of others', () => {
  let folder = '';
  let store: ProjectStore;
  let hard: Record<string, number> = {};
  beforeAll(async () => {
    folder = temporaryFolder();
    ({ store, hard } = await photographs(folder));
  });
  afterAll(() => store?.close());

  const write = async (format: ExportFormat, more: Partial<ExportOptions> = {}): Promise<string> => {
    const out = join(folder, `${format}-${Object.values(more).join('-')}`);
    await exportToFolder(store, format, { ...defaultExportOptions(format), ...more }, out);
    return out;
  };

  /** What the format is said to hold: the same that the preview in the window shows. */
  const expected = (
    format: ExportFormat,
    more: Partial<ExportOptions> = {},
    crowds = true,
  ): Record<string, string[]> => {
    const options = { ...defaultExportOptions(format), ...more };
    const names = new Map(store.categories().map(({ id, name }) => [id, name]));
    const masks: Record<string, string[]> = {};
    for (const image of store.allImages()) {
      for (const { annotationId, categoryId, exported } of readBack(store, format, options, image.id)) {
        if (exported === null || isEmptyRle(exported)) continue;
        if (!crowds && store.annotation(annotationId).iscrowd) continue;
        const key = `${image.path.replace(/^.*\//, '').replace(/\.\w+$/, '')} ${names.get(categoryId)}`;
        masks[key] = [...(masks[key] ?? []), encodeMask(decodeMask(exported)).counts].sort();
      }
    }
    return masks;
  };

  const coco = `
from pycocotools.coco import COCO
with contextlib.redirect_stdout(io.StringIO()):
    c = COCO(args['file'])
names = {k: v['name'] for k, v in c.cats.items()}
for a in c.dataset['annotations']:
    add(c.imgs[a['image_id']]['file_name'], names[a['category_id']], c.annToMask(a))
`;

  it.skipIf(!has('pycocotools.coco', 'COCO in pycocotools'))(
    'pycocotools reads COCO in every geometry',
    async () => {
      for (const geometry of ['rle', 'polygons', 'polygons-only'] as const) {
        const file = join(await write('coco', { geometry }), 'coco.json');
        expect(ask(coco, { file })).toEqual(expected('coco', { geometry }));
      }
      // What is said to be read back is not an invention: without loss it is the project's own masks.
      const own = readBack(
        store,
        'coco',
        defaultExportOptions('coco'),
        store.annotation(hard.ring ?? 0).imageId,
      );
      expect(own.every(({ iou }) => iou === 1)).toBe(true);
    },
    120_000,
  );

  it.skipIf(!has('datumaro', 'COCO in datumaro'))(
    'datumaro reads COCO',
    async () => {
      const out = await write('coco', { geometry: 'polygons' });
      const found = ask(
        `
import shutil
from datumaro.components.dataset import Dataset
root = args['out'] + '/datumaro'
os.makedirs(root + '/annotations', exist_ok=True)
shutil.copy(args['out'] + '/coco.json', root + '/annotations/instances_default.json')
shutil.copytree(args['images'], root + '/images/default', dirs_exist_ok=True)
data = Dataset.import_from(root, 'coco_instances')
labels = data.categories()[list(data.categories())[0]]
names = [item.name for item in labels.items]
from datumaro.components.annotation import AnnotationType
for item in data:
    h, w = item.media.data.shape[:2]
    groups = defaultdict(lambda: [None, np.zeros((h, w), bool)])
    for a in item.annotations:
        if a.type == AnnotationType.polygon:
            bits = M.decode(M.merge(M.frPyObjects([a.points], h, w)))
        elif a.type == AnnotationType.mask:
            bits = a.image
        else:
            continue
        groups[a.id][0] = names[a.label]
        groups[a.id][1] |= np.asarray(bits).astype(bool)
    for name, bits in groups.values():
        add(item.id, name, bits)
`,
        { out, images: coco20.images },
      );
      const wanted = expected('coco', { geometry: 'polygons' });
      // It rounds coordinates, so imported polygons move by parts of a pixel; those of our own are whole numbers.
      const lengths = (masks: Record<string, string[]>): Record<string, number> =>
        Object.fromEntries(Object.entries(masks).map(([key, list]) => [key, list.length]));
      expect(lengths(found)).toEqual(lengths(wanted));
      const own = Object.keys(wanted).filter((key) => key.includes('shape: odd'));
      expect(own).toHaveLength(1);
      for (const key of own) expect(found[key]).toEqual(wanted[key]);
    },
    120_000,
  );

  it.skipIf(!has('datumaro', 'PNG masks in datumaro'))(
    'datumaro reads PNG masks as Pascal VOC',
    async () => {
      const out = await write('masks', { copyImages: true });
      const found = ask(
        `
from datumaro.components.dataset import Dataset
from datumaro.components.annotation import AnnotationType
data = Dataset.import_from(args['out'], 'voc_segmentation')
names = [item.name for item in data.categories()[AnnotationType.label].items]
for item in data:
    for a in item.annotations:
        if a.type == AnnotationType.mask and np.asarray(a.image).any():
            add(item.id, names[a.label], a.image)
`,
        { out },
      );
      const renamed = Object.fromEntries(
        Object.entries(expected('masks')).map(([key, masks]) => [
          key.replace('shape: odd', 'shape_ odd'),
          masks,
        ]),
      );
      expect(found).toEqual(renamed);
    },
    120_000,
  );

  it.skipIf(!has('supervision', 'YOLO in supervision'))(
    'supervision reads YOLO',
    async () => {
      const out = await write('yolo-seg', { copyImages: true });
      const found = ask(
        `
import supervision as sv
data = sv.DetectionDataset.from_yolo(args['out'] + '/images/train', args['out'] + '/labels/train', args['out'] + '/data.yaml', force_masks=True)
for path, image, detections in data:
    for i in range(len(detections)):
        add(path, data.classes[detections.class_id[i]], detections.mask[i])
`,
        { out },
      );
      expect(found).toEqual(expected('yolo-seg', {}, false));
    },
    120_000,
  );

  const ultralytics = hasData && has('ultralytics.data.utils', 'YOLO in Ultralytics');
  it.skipIf(!ultralytics)(
    'the label parser of Ultralytics reads YOLO',
    async () => {
      const out = await write('yolo-seg', { copyImages: true });
      const found = ask(
        `
from ultralytics.data.utils import verify_image_label, polygon2mask, check_det_dataset, img2label_paths
data = check_det_dataset(args['out'] + '/data.yaml', autodownload=False)
for name in sorted(os.listdir(data['train'])):
    image = os.path.join(data['train'], name)
    label = img2label_paths([image])[0]
    file, rows, (h, w), segments, _, missing, _, _, corrupt, message = verify_image_label((image, label, '', False, len(data['names']), 0, 0, False))
    assert not missing and not corrupt, message
    for row, segment in zip(rows, segments):
        bits = polygon2mask((h, w), [(segment * [w, h]).reshape(-1)])
        add(image, data['names'][int(row[0])], bits)
`,
        { out },
      );
      expect(found).toEqual(expected('yolo-seg', {}, false));
    },
    240_000,
  );

  it.skipIf(!has('labelme', 'LabelMe in labelme'))(
    'labelme reads LabelMe',
    async () => {
      const out = await write('labelme', { copyImages: true });
      const found = ask(
        `
import glob
os.environ.setdefault('QT_QPA_PLATFORM', 'offscreen')
from labelme._label_file import _load_shape_json_obj
from labelme.utils.shape import shapes_to_label
for path in glob.glob(args['out'] + '/*.json'):
    content = json.load(open(path))
    shapes = [_load_shape_json_obj(shape) for shape in content['shapes']]
    assert os.path.exists(os.path.join(args['out'], content['imagePath']))
    size = (content['imageHeight'], content['imageWidth'])
    objects = defaultdict(list)
    for i, shape in enumerate(shapes):
        key = shape['group_id'] if shape['group_id'] is not None else 'single %d' % i
        objects[(shape['label'], key)].append(shape)
    for (label, _), parts in objects.items():
        classes, _ = shapes_to_label(size, parts, {label: 1})
        add(path, label, classes == 1)
`,
        { out },
      );
      expect(found).toEqual(expected('labelme'));
      const all = Object.values(expected('labelme')).flat();
      expect(all).toContain(encodeMask(decodeMask(store.annotation(hard.ring ?? 0).mask)).counts);
    },
    120_000,
  );
});
