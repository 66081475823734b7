import { emptyRle, encodeMask } from '@shared/mask/rle';
import { expect, it } from 'vitest';
import { cocoFromResults } from './coco-results';

const mask = encodeMask({ width: 4, height: 3, data: new Uint8Array([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) });
const size = { width: 4, height: 3 };

it('writes every image and class once and one annotation an object', () => {
  const coco = cocoFromResults(
    [
      {
        fileName: 'a.png',
        ...size,
        imageId: 2,
        query: 'dog',
        objects: [
          { mask, score: 0.5 },
          { mask, score: null },
        ],
      },
      { fileName: 'b.png', ...size, query: 'nothing', objects: [{ mask: emptyRle([3, 4]), score: 0.1 }] },
      { fileName: 'c.png', ...size, query: 'cat', category: 'animal', objects: [{ mask, score: 1 }] },
      {
        fileName: 'a.png',
        ...size,
        imageId: 2,
        query: 'cat',
        objects: [{ mask, score: 1, author: 'simulator' }],
      },
      { fileName: 'd.png', ...size, imageId: '2', query: 'dog', objects: [] },
    ],
    { categories: [{ id: 7, name: 'cat' }] },
  );
  expect(coco.images.map((image) => [image.id, image.file_name])).toEqual([
    [2, 'a.png'],
    [1, 'b.png'],
    [3, 'c.png'],
    [4, 'd.png'],
  ]);
  expect(coco.categories.map(({ id, name }) => [id, name])).toEqual([
    [7, 'cat'],
    [8, 'dog'],
    [9, 'animal'],
  ]);
  expect(coco.annotations.map((entry) => [entry.id, entry.image_id, entry.category_id])).toEqual([
    [1, 2, 8],
    [2, 2, 8],
    [3, 3, 9],
    [4, 2, 7],
  ]);
  expect(coco.annotations[0]).toEqual({
    id: 1,
    image_id: 2,
    category_id: 8,
    segmentation: { size: [3, 4], counts: mask.counts },
    area: 3,
    bbox: [1, 0, 2, 2],
    iscrowd: 0,
    attributes: { author: 'agent', query: 'dog', score: 0.5 },
  });
});
