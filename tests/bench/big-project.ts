import { copyFileSync, linkSync, mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { readImageInfo } from '../../src/engine/images/image-file';
import { Database } from '../../src/engine/project/database';
import { createProject } from '../../src/engine/project/open';
import { naturalSortKey, pathInside, projectFileName, searchText } from '../../src/engine/project/paths';
import { rectangle } from '../support/project-data';

/** Names of one file that a file system allows, with room to spare: ext4 stops at 65,000. */
const namesAFile = 30_000;
const filesAFolder = 1000;

const classes = [
  { name: 'thing', color: '#0072b2', box: { x: 10, y: 10, width: 80, height: 60 } },
  { name: 'other', color: '#e69f00', box: { x: 60, y: 40, width: 90, height: 90 } },
];

export interface BigProjectOptions {
  /** How many images. */
  images: number;
  /** One real picture; every image is a name of it. */
  picture: string;
  /** Every how many-th image has two masks; 0: none has. */
  masksEvery?: number;
}

/**
 * Makes a project of very many images in seconds: one small picture under many names (hard links), with states, notes,
 * flags and masks strewn over them by rule. Returns the project file's path; `folder` must exist and be empty.
 *
 * Image k (from 0) is `set-000/photo-000000.jpg` with 1000 a folder; it is done for k % 7 = 0, flagged for k % 11 = 0,
 * noted for k % 13 = 0; with masks (classes "thing" and "other") for k % masksEvery = 0.
 */
export async function makeBigProject(folder: string, options: BigProjectOptions): Promise<string> {
  const { images: total, picture, masksEvery = 10 } = options;
  const { hash, width, height } = await readImageInfo(picture);
  const extension = extname(picture).toLowerCase();
  let source = '';
  const files: string[] = [];
  for (let index = 0; index < total; index += 1) {
    const set = join(folder, `set-${String(Math.floor(index / filesAFolder)).padStart(3, '0')}`);
    if (index % filesAFolder === 0) mkdirSync(set);
    const file = join(set, `photo-${String(index).padStart(6, '0')}${extension}`);
    if (index % namesAFile === 0) {
      copyFileSync(picture, file);
      source = file;
    } else linkSync(source, file);
    files.push(file);
  }
  createProject(folder, { name: 'Very many images' }).close();
  // Rows in bulk: the store's own way checks and journals each of them.
  const db = new Database(join(folder, projectFileName), { create: false });
  try {
    const size = { width, height };
    const rows = files.map((file) => {
      const path = pathInside(folder, file) ?? file;
      return [path, naturalSortKey(path), searchText(path)];
    });
    db.transaction(() => {
      db.run(
        `INSERT INTO images (id, root_id, path, name, sort_key, search, sha256, width, height, state, flagged, note)
         SELECT printf('img_%016x', key), 1, value ->> 0, value ->> 0, value ->> 1, value ->> 2, ?, ?, ?,
           iif(key % 7 = 0, 'done', 'todo'), key % 11 = 0, iif(key % 13 = 0, 'Look at ' || key || ' again.', '')
         FROM json_each(?)`,
        [hash, width, height, JSON.stringify(rows)],
      );
      for (const [index, { name, color, box }] of classes.entries()) {
        db.run(
          'INSERT INTO categories (id, name, supercategory, color, position, hotkey) VALUES (?, ?, ?, ?, ?, ?)',
          [index + 1, name, '', color, index + 1, index + 1],
        );
        if (masksEvery === 0) continue;
        const { counts } = rectangle(size, box);
        db.run(
          `INSERT INTO annotations (image_id, category_id, mask_height, mask_width, mask_counts, bbox_x, bbox_y,
             bbox_width, bbox_height, area, iscrowd, author, created_at, mask_edited)
           SELECT id, ?, height, width, ?, ?, ?, ?, ?, ?, 0, 'human', '2026-01-02T03:04:05.000Z', 1
           FROM images WHERE (seq - 1) % ? = 0 ORDER BY seq`,
          [index + 1, counts, box.x, box.y, box.width, box.height, box.width * box.height, masksEvery],
        );
      }
    });
    return db.file;
  } finally {
    db.close();
  }
}
