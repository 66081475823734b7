import { randomBytes } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { z } from 'zod';
import { MaskwrightError, messageOf } from '../../shared/contract/errors';
import type {
  Annotation,
  Category,
  HistoryState,
  ImageState,
  ImageSummary,
  JobState,
  ProjectSummary,
  TrajectorySummary,
} from '../../shared/contract/methods';
import type { Rle } from '../../shared/mask/rle';
import { type Author, type Outcome, outcomeSchema, type Trajectory } from '../../shared/trajectory/schema';
import { applyChange, type Change, changesSchema, difference, inverted } from './changes';
import type { Database } from './database';
import { HistoryStacks } from './history';
import { measureMask } from './masks';
import { paletteColor } from './palette';
import { isImagePath, naturalSortKey, searchText } from './paths';
import { type Place, Roots } from './roots';
import {
  type AnnotationRow,
  annotationColumns,
  annotationOf,
  annotationRow,
  categoryRow,
  countRow,
  type ImageRow,
  imageColumns,
  imageRow,
  jobRow,
  journalRow,
  numberRow,
  rowOf,
  textRow,
  trajectoryRow,
} from './rows';
import { checkedTrajectory, openOutcome, parseTrajectory, summarise } from './trajectory-rows';

/** An image as the importers know it. */
export interface NewImage {
  /** Absolute path. */
  file: string;
  sha256: string;
  /** Pixels, after EXIF orientation. */
  width: number;
  height: number;
}

/** An image with what exports and the segmenter need beside the summary. */
export interface ProjectImage {
  id: string;
  name: string;
  width: number;
  height: number;
  state: ImageState;
  sha256: string;
  /** Path from its folder of images, with forward slashes. */
  path: string;
  rootId: number;
  /** Its id in COCO files; null until it was imported or exported. */
  cocoId: number | null;
  /** The image's entry as imported, JSON. */
  original: string | null;
}

export interface NewAnnotation {
  imageId: string;
  categoryId: number;
  mask: Rle;
  author?: Author;
  score?: number | null;
  query?: string | null;
  trajectoryId?: string | null;
  iscrowd?: boolean;
}

/** An annotation as a COCO file has it; kept so that an untouched one is exported as it came. */
export interface ImportedAnnotation {
  /** The file's id; a new one is given when it is null or taken. */
  id: number | null;
  imageId: string;
  categoryId: number;
  mask: Rle;
  bbox: [number, number, number, number];
  area: number;
  iscrowd: boolean;
  /** Tells whether this very annotation was imported before. */
  importKey: string;
  /** The entry's JSON. */
  original: string;
}

/** An annotation with what the exporter needs. */
export interface StoredAnnotation extends Annotation {
  /** True after its mask was changed here: the imported polygon no longer says what it is. */
  maskEdited: boolean;
  original: string | null;
}

export interface AcceptedEpisode {
  imageId: string;
  trajectory: Trajectory;
  categoryId: number;
  /** One an object, of the image's size; empty ones are left out. */
  masks: readonly Rle[];
  score: number | null;
  author: Author;
  query: string | null;
}

/** What a committed change touched. */
export interface StoreChange {
  /** Images whose summary changed or that are new. */
  images: string[];
  /** Images whose annotations changed. */
  annotations: string[];
  /** Set when undo and redo changed. */
  history: HistoryState | null;
  /** True when counts, categories or the name changed. */
  project: boolean;
}

export interface ListImages {
  offset: number;
  limit: number;
  state: ImageState | null;
  search: string;
}

const now = (): string => new Date().toISOString();

const imageOf = (row: ImageRow): ProjectImage => ({
  id: row.id,
  name: row.name,
  width: row.width,
  height: row.height,
  state: row.state,
  sha256: row.sha256,
  path: row.path,
  rootId: row.root_id,
  cocoId: row.coco_id,
  original: row.original,
});

const summaryRow = z.object({
  id: z.string(),
  name: z.string(),
  width: z.number().int(),
  height: z.number().int(),
  state: imageRow.shape.state,
  annotations: z.number().int(),
  trajectories: z.number().int(),
});

const summaryColumns = `id, name, width, height, state,
  (SELECT count(*) FROM annotations a WHERE a.image_id = images.id) AS annotations,
  (SELECT count(*) FROM trajectories t WHERE t.image_id = images.id AND t.turns > 0) AS trajectories`;

const markRow = z.object({ label: z.string(), changes: z.string() });
const failuresSchema = z.array(z.object({ item: z.string(), message: z.string() }));
const isResult = (status: Outcome['status']): boolean =>
  status === 'finished' || status === 'no_target' || status === 'truncated';

/**
 * One open project. Every method is synchronous and returns after its change is on disk. Changes between `mark`s are
 * undoable; images, categories, imports and trajectories are kept (only the acceptance of a trajectory is undone).
 * Throws MaskwrightError: NOT_FOUND for unknown ids, INVALID_REQUEST for masks that do not fit, CONFLICT, and what
 * the database says (disk full, file gone).
 */
export class ProjectStore {
  readonly file: string;
  readonly #db: Database;
  readonly #roots: Roots;
  #history: HistoryStacks;
  readonly #listeners = new Set<(change: StoreChange) => void>();
  #changes: Change[] | null = null;
  #touchedImages = new Set<string>();
  #touchedAnnotations = new Set<string>();
  #touchedProject = false;
  #touchedHistory = false;
  #depth = 0;

  /** Use `openProject` or `createProject`. The database must be at the newest schema. */
  constructor(db: Database) {
    this.#db = db;
    this.file = db.file;
    this.#roots = new Roots(db);
    this.#history = this.#readHistory();
    this.#failInterruptedJobs();
  }

  close(): void {
    this.#listeners.clear();
    this.#db.close();
  }

  /** Tells of every committed change. Returns how to stop it. */
  onChange(listener: (change: StoreChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  // ------------------------------------------------------------------ transactions, marks and history

  /** One transaction; listeners are told once, after the outermost commit. */
  #write<T>(work: () => T): T {
    this.#depth += 1;
    try {
      const result = this.#db.transaction(work);
      if (this.#depth === 1) this.#announce();
      return result;
    } catch (error) {
      if (this.#depth === 1) {
        this.#forgetTouched();
        if (this.#db.isOpen) {
          this.#history = this.#readHistory();
          this.#roots.reload();
        }
      }
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  /** Joins several writes (not marks) in one commit: for importers. */
  batch<T>(work: () => T): T {
    return this.#write(work);
  }

  #forgetTouched(): void {
    this.#touchedImages = new Set();
    this.#touchedAnnotations = new Set();
    this.#touchedProject = false;
    this.#touchedHistory = false;
  }

  #announce(): void {
    const change: StoreChange = {
      images: [...this.#touchedImages],
      annotations: [...this.#touchedAnnotations],
      history: this.#touchedHistory ? this.historyState() : null,
      project: this.#touchedProject,
    };
    this.#forgetTouched();
    if (change.images.length + change.annotations.length === 0 && change.history === null && !change.project)
      return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        // The change is on disk: a listener's failure must not look like a failed write.
        console.error(`A listener of the project failed: ${messageOf(error)}`);
      }
    }
  }

  #readHistory(): HistoryStacks {
    const stacks = new HistoryStacks();
    for (const row of this.#db.all(journalRow, 'SELECT seq, kind, target FROM journal ORDER BY seq')) {
      stacks.append(row);
    }
    return stacks;
  }

  #record(
    kind: 'mark' | 'undo' | 'redo' | 'event',
    label: string,
    target: number | null,
    changes: Change[],
  ): void {
    const { lastId } = this.#db.run(
      'INSERT INTO journal (kind, target, label, at, changes) VALUES (?, ?, ?, ?, ?)',
      [kind, target, label, now(), JSON.stringify(changes)],
    );
    if (kind === 'event') return;
    this.#history.append({ seq: lastId, kind, target });
    this.#touchedHistory = true;
  }

  /** Writes what happened in the journal without making it undoable, such as an import. */
  recordEvent(label: string): void {
    this.#write(() => this.#record('event', label, null, []));
  }

  /**
   * Runs mutations as one undoable step with a label ("Accept 2 masks"). Inside another mark it joins that one. When
   * `work` throws, nothing of it remains. No entry is made when nothing changed.
   */
  mark<T>(label: string, work: () => T): T {
    return this.#write(() => {
      const outer = this.#changes;
      const before = outer?.length ?? 0;
      const changes: Change[] = outer ?? [];
      this.#changes = changes;
      try {
        const result = work();
        if (outer === null && changes.length > 0) this.#record('mark', label, null, changes);
        return result;
      } catch (error) {
        changes.length = before;
        throw error;
      } finally {
        this.#changes = outer;
      }
    });
  }

  #change(change: Change): void {
    applyChange(this.#db, change);
    this.#touch(change);
    this.#changes?.push(change);
  }

  #touch(change: Change): void {
    this.#touchedImages.add(change.imageId);
    if (change.table === 'annotations') this.#touchedAnnotations.add(change.imageId);
    if (change.table !== 'trajectories') this.#touchedProject = true;
  }

  historyState(): HistoryState {
    return { undo: this.#labelOf(this.#history.nextUndo), redo: this.#labelOf(this.#history.nextRedo) };
  }

  #labelOf(seq: number | null): string | null {
    if (seq === null) return null;
    const sql = 'SELECT label AS value FROM journal WHERE seq = ?';
    return this.#db.get(textRow, sql, [seq])?.value ?? null;
  }

  /** Takes back the last mark. Returns the new state and the images that it touched; nothing when there is none. */
  undo(): { state: HistoryState; imageIds: string[] } {
    return this.#play('undo', this.#history.nextUndo);
  }

  /** Brings back the mark that was undone last. */
  redo(): { state: HistoryState; imageIds: string[] } {
    return this.#play('redo', this.#history.nextRedo);
  }

  #play(kind: 'undo' | 'redo', seq: number | null): { state: HistoryState; imageIds: string[] } {
    if (seq === null) return { state: this.historyState(), imageIds: [] };
    const imageIds = this.#write(() => {
      const row = this.#db.get(markRow, 'SELECT label, changes FROM journal WHERE seq = ?', [seq]);
      if (row === null) throw new MaskwrightError('PROJECT_UNREADABLE', 'The journal lacks an entry.');
      const recorded = changesSchema.parse(JSON.parse(row.changes));
      const changes = kind === 'undo' ? inverted(recorded) : recorded;
      for (const change of changes) {
        applyChange(this.#db, change);
        this.#touch(change);
      }
      this.#record(kind, row.label, seq, []);
      return [...new Set(changes.map((change) => change.imageId))];
    });
    return { state: this.historyState(), imageIds };
  }

  // ------------------------------------------------------------------ settings and summary

  /** A stored setting, parsed; null when it is not set or no longer fits the schema. */
  setting<S extends z.ZodType>(key: string, schema: S): z.output<S> | null {
    const row = this.#db.get(textRow, 'SELECT value FROM settings WHERE key = ?', [key]);
    if (row === null) return null;
    const parsed = schema.safeParse(JSON.parse(row.value));
    return parsed.success ? parsed.data : null;
  }

  setSetting(key: string, value: unknown): void {
    const sql =
      'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
    this.#write(() => {
      this.#db.run(sql, [key, JSON.stringify(value)]);
      if (key === 'name' || key === 'isSample') this.#touchedProject = true;
    });
  }

  summary(): ProjectSummary {
    const counts = { images: 0, todo: 0, review: 0, done: 0, annotations: 0 };
    const stateCount = z.object({ state: imageRow.shape.state, n: z.number().int() });
    for (const row of this.#db.all(stateCount, 'SELECT state, count(*) AS n FROM images GROUP BY state')) {
      counts[row.state] = row.n;
      counts.images += row.n;
    }
    counts.annotations = this.#count('SELECT count(*) AS n FROM annotations');
    return {
      name: this.setting('name', z.string().min(1)) ?? basename(dirname(this.file)),
      location: this.file,
      isSample: this.setting('isSample', z.boolean()) ?? false,
      counts,
      categories: this.categories(),
    };
  }

  #count(sql: string, parameters: readonly (string | number)[] = []): number {
    return this.#db.get(countRow, sql, parameters)?.n ?? 0;
  }

  // ------------------------------------------------------------------ images

  /** A page of images in natural order of their names. `search` is a part of the name, case ignored. */
  listImages(options: ListImages): { total: number; items: ImageSummary[] } {
    const conditions: string[] = [];
    const parameters: (string | number)[] = [];
    if (options.state !== null) {
      conditions.push('state = ?');
      parameters.push(options.state);
    }
    const search = searchText(options.search.trim());
    if (search !== '') {
      conditions.push('instr(search, ?) > 0');
      parameters.push(search);
    }
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
    const total = this.#count(`SELECT count(*) AS n FROM images ${where}`, parameters);
    const items = this.#db.all(
      summaryRow,
      `SELECT ${summaryColumns} FROM images ${where} ORDER BY sort_key, seq LIMIT ? OFFSET ?`,
      [...parameters, options.limit, options.offset],
    );
    return { total, items };
  }

  /** Throws NOT_FOUND. */
  imageById(imageId: string): ProjectImage {
    const row = this.#db.get(imageRow, `SELECT ${imageColumns} FROM images WHERE id = ?`, [imageId]);
    if (row === null)
      throw new MaskwrightError('NOT_FOUND', 'The image is not in the project.', { hint: 'Reload it.' });
    return imageOf(row);
  }

  imageSummary(imageId: string): ImageSummary {
    const row = this.#db.get(summaryRow, `SELECT ${summaryColumns} FROM images WHERE id = ?`, [imageId]);
    if (row === null)
      throw new MaskwrightError('NOT_FOUND', 'The image is not in the project.', { hint: 'Reload it.' });
    return row;
  }

  /** Every image in the order of adding. */
  allImages(): ProjectImage[] {
    return this.#db.all(imageRow, `SELECT ${imageColumns} FROM images ORDER BY seq`).map(imageOf);
  }

  /**
   * Absolute path of the image's file. Throws NOT_FOUND, or FORBIDDEN when a project made by hand points outside
   * of its folders or at something that is no image.
   */
  imagePath(imageId: string): string {
    const image = this.imageById(imageId);
    if (!isImagePath(image.path)) {
      throw new MaskwrightError('FORBIDDEN', 'The project names a file that is not an image.');
    }
    return this.#roots.absolute(image);
  }

  /** The image of a file that is in the project already; null when it is not. */
  imageByFile(file: string): ProjectImage | null {
    for (const place of this.#roots.places(resolve(file))) {
      const sql = `SELECT ${imageColumns} FROM images WHERE root_id = ? AND path = ?`;
      const row = this.#db.get(imageRow, sql, [place.rootId, place.path]);
      if (row !== null) return imageOf(row);
    }
    return null;
  }

  /** Absolute folders that images may lie in. */
  imageFolders(): string[] {
    return this.#roots.folders();
  }

  /** Path of a root, to tell images of the same path apart. */
  rootFolder(rootId: number): string {
    return this.#roots.folder(rootId);
  }

  /**
   * Adds images that are not there yet (by path), in one commit. `folder` becomes a folder of images of the project;
   * files must lie in it. Returns the image of every input, and how many are new.
   */
  addImages(folder: string, images: readonly NewImage[]): { images: ProjectImage[]; added: number } {
    return this.#write(() => {
      let added = 0;
      const result = images.map((image) => {
        const known = this.imageByFile(image.file);
        if (known !== null) return known;
        added += 1;
        return this.#addImage(folder, image);
      });
      return { images: result, added };
    });
  }

  #addImage(folder: string, image: NewImage): ProjectImage {
    const rootId = this.#roots.ensure(folder);
    const place = this.#roots.places(image.file).find((candidate: Place) => candidate.rootId === rootId);
    if (place === undefined) {
      throw new MaskwrightError(
        'FORBIDDEN',
        `The image is not in the folder that is imported: ${image.file}`,
      );
    }
    const id = `img_${randomBytes(8).toString('hex')}`;
    this.#db.run(
      `INSERT INTO images (id, root_id, path, name, sort_key, search, sha256, width, height, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'todo')`,
      [
        id,
        rootId,
        place.path,
        place.path,
        naturalSortKey(place.path),
        searchText(place.path),
        image.sha256,
        image.width,
        image.height,
      ],
    );
    this.#touchedImages.add(id);
    this.#touchedProject = true;
    return this.imageById(id);
  }

  /** Marks an image as todo, in review or done. Undoable. */
  setImageState(imageId: string, state: ImageState): void {
    const labels = { todo: 'Mark as to do', review: 'Mark for review', done: 'Mark as done' };
    this.mark(labels[state], () => this.#setState(imageId, state));
  }

  #setState(imageId: string, state: ImageState): void {
    const before = this.imageById(imageId).state;
    if (before === state) return;
    this.#change({ table: 'images', key: imageId, imageId, before: { state: before }, after: { state } });
  }

  /** A state that follows from stored results and is not a person's decision: outside of undo. */
  #deriveState(imageId: string, from: ImageState, to: ImageState): void {
    const { changes } = this.#db.run('UPDATE images SET state = ? WHERE id = ? AND state = ?', [
      to,
      imageId,
      from,
    ]);
    if (changes > 0) {
      this.#touchedImages.add(imageId);
      this.#touchedProject = true;
    }
  }

  /** Marks an image as done when an import brought it annotations. Not part of undo. */
  markImported(imageId: string): void {
    this.#write(() => this.#deriveState(imageId, 'todo', 'done'));
  }

  /** Remembers the COCO entry of an image; its COCO id is kept unless another image has it. */
  setImageOriginal(imageId: string, cocoId: number | null, original: string): void {
    this.#write(() => {
      this.#db.run('UPDATE images SET original = ? WHERE id = ? AND original IS NULL', [original, imageId]);
      if (cocoId === null || cocoId < 0 || !Number.isSafeInteger(cocoId)) return;
      this.#db.run(
        `UPDATE images SET coco_id = ? WHERE id = ? AND coco_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM images WHERE coco_id = ?)`,
        [cocoId, imageId, cocoId],
      );
    });
  }

  /** Gives every image without a COCO id the next free one, in the order of adding; they never change again. */
  assignCocoIds(): void {
    this.#write(() => {
      let next = (this.#db.get(numberRow, 'SELECT max(coco_id) AS value FROM images')?.value ?? 0) + 1;
      const rows = this.#db.all(
        z.object({ id: z.string() }),
        'SELECT id FROM images WHERE coco_id IS NULL ORDER BY seq',
      );
      for (const row of rows) {
        this.#db.run('UPDATE images SET coco_id = ? WHERE id = ?', [next, row.id]);
        next += 1;
      }
    });
  }

  // ------------------------------------------------------------------ categories

  categories(): Category[] {
    return this.storedCategories().map(({ id, name, supercategory, color }) => ({
      id,
      name,
      supercategory,
      color,
    }));
  }

  /** Categories with their imported COCO entry (JSON). */
  storedCategories(): (Category & { original: string | null })[] {
    return this.#db.all(
      categoryRow,
      'SELECT id, name, supercategory, color, original FROM categories ORDER BY id',
    );
  }

  /** The category of this name, made when there is none. Not part of undo. */
  createCategory(name: string): Category {
    const known = this.categories().find((category) => category.name === name);
    return known ?? this.addCategory({ id: null, name, supercategory: '', original: null });
  }

  /** A new category, with the given COCO id where that is free. For importers. */
  addCategory(input: {
    id: number | null;
    name: string;
    supercategory: string;
    original: string | null;
  }): Category {
    return this.#write(() => {
      const color = paletteColor(this.#count('SELECT count(*) AS n FROM categories'));
      const taken =
        input.id === null || this.#count('SELECT count(*) AS n FROM categories WHERE id = ?', [input.id]) > 0;
      const { lastId } = this.#db.run(
        'INSERT INTO categories (id, name, supercategory, color, original) VALUES (?, ?, ?, ?, ?)',
        [taken ? null : input.id, input.name, input.supercategory, color, input.original],
      );
      this.#touchedProject = true;
      return { id: lastId, name: input.name, supercategory: input.supercategory, color };
    });
  }

  #category(categoryId: number): Category {
    const sql = 'SELECT id, name, supercategory, color, original FROM categories WHERE id = ?';
    const row = this.#db.get(categoryRow, sql, [categoryId]);
    if (row === null) {
      throw new MaskwrightError('NOT_FOUND', 'The class is not in the project.', {
        hint: 'Choose another class.',
      });
    }
    return row;
  }

  // ------------------------------------------------------------------ annotations

  /** The annotations of an image, oldest first. Throws NOT_FOUND for an unknown image. */
  annotations(imageId: string): Annotation[] {
    this.imageById(imageId);
    return this.#annotationRows(imageId).map(annotationOf);
  }

  /** The same with what the exporter needs. */
  storedAnnotations(imageId: string): StoredAnnotation[] {
    return this.#annotationRows(imageId).map((row) => ({
      ...annotationOf(row),
      maskEdited: row.mask_edited !== 0,
      original: row.original,
    }));
  }

  #annotationRows(imageId: string): AnnotationRow[] {
    const sql = `SELECT ${annotationColumns} FROM annotations WHERE image_id = ? ORDER BY id`;
    return this.#db.all(annotationRow, sql, [imageId]);
  }

  #annotationRow(id: number): AnnotationRow {
    const row = this.#db.get(annotationRow, `SELECT ${annotationColumns} FROM annotations WHERE id = ?`, [
      id,
    ]);
    if (row === null) {
      throw new MaskwrightError('NOT_FOUND', 'The annotation is not there any more.', {
        hint: 'Reload the image.',
      });
    }
    return row;
  }

  annotation(id: number): Annotation {
    return annotationOf(this.#annotationRow(id));
  }

  /**
   * Adds annotations as one undoable step (or a part of the surrounding mark). The image becomes done: it has an
   * accepted annotation. Throws INVALID_REQUEST when a mask is empty, broken or of another size than the image.
   */
  createAnnotations(inputs: readonly NewAnnotation[]): Annotation[] {
    const label = inputs.length === 1 ? 'Add annotation' : `Add ${inputs.length} annotations`;
    return this.mark(label, () =>
      inputs.map((input) => {
        const annotation = this.#insertAnnotation(input);
        this.#setState(input.imageId, 'done');
        return annotation;
      }),
    );
  }

  /** The next annotation id; never one that was used before, even by an annotation that is deleted. */
  #nextAnnotationId(): number {
    const sql = "SELECT seq AS value FROM sqlite_sequence WHERE name = 'annotations'";
    return (this.#db.get(numberRow, sql)?.value ?? 0) + 1;
  }

  #insertAnnotation(input: NewAnnotation): Annotation {
    const image = this.imageById(input.imageId);
    this.#category(input.categoryId);
    const measure = measureMask(input.mask, image);
    if (measure.area === 0) {
      throw new MaskwrightError('INVALID_REQUEST', 'The mask has no pixels.', {
        hint: 'Mark the object first.',
      });
    }
    const row: AnnotationRow = {
      id: this.#nextAnnotationId(),
      image_id: input.imageId,
      category_id: input.categoryId,
      mask_height: input.mask.size[0],
      mask_width: input.mask.size[1],
      mask_counts: input.mask.counts,
      bbox_x: measure.bbox[0],
      bbox_y: measure.bbox[1],
      bbox_width: measure.bbox[2],
      bbox_height: measure.bbox[3],
      area: measure.area,
      iscrowd: input.iscrowd === true ? 1 : 0,
      author: input.author ?? 'human',
      score: input.score ?? null,
      query: input.query ?? null,
      trajectory_id: input.trajectoryId ?? null,
      created_at: now(),
      import_key: null,
      mask_edited: 1,
      original: null,
    };
    this.#change({
      table: 'annotations',
      key: row.id,
      imageId: row.image_id,
      before: null,
      after: rowOf(row),
    });
    return annotationOf(row);
  }

  /**
   * Changes mask, class or query. A changed mask gets pixel count and bbox anew, loses the segmenter's score and
   * belongs to `author` (a person, unless said otherwise). Undoable.
   */
  updateAnnotation(
    id: number,
    patch: { mask?: Rle; categoryId?: number; query?: string | null; author?: Author },
  ): Annotation {
    const label = patch.mask === undefined ? 'Change annotation' : 'Change mask';
    return this.mark(label, () => {
      const before = this.#annotationRow(id);
      const after: AnnotationRow = { ...before };
      if (patch.categoryId !== undefined) after.category_id = this.#category(patch.categoryId).id;
      if (patch.query !== undefined) after.query = patch.query;
      if (patch.mask !== undefined && patch.mask.counts !== before.mask_counts) {
        const measure = measureMask(patch.mask, this.imageById(before.image_id));
        if (measure.area === 0) {
          throw new MaskwrightError('INVALID_REQUEST', 'The mask has no pixels.', {
            hint: 'Delete the annotation to remove the object.',
          });
        }
        after.mask_counts = patch.mask.counts;
        [after.bbox_x, after.bbox_y, after.bbox_width, after.bbox_height] = measure.bbox;
        after.area = measure.area;
        after.score = null;
        after.author = patch.author ?? 'human';
        after.mask_edited = 1;
      }
      const changed = difference(rowOf(before), rowOf(after));
      if (changed !== null)
        this.#change({ table: 'annotations', key: id, imageId: before.image_id, ...changed });
      return annotationOf(after);
    });
  }

  /** Undoable. */
  deleteAnnotation(id: number): void {
    this.mark('Delete annotation', () => {
      const row = this.#annotationRow(id);
      this.#change({ table: 'annotations', key: id, imageId: row.image_id, before: rowOf(row), after: null });
    });
  }

  /** Adds an imported annotation as it is; false when this very one was imported before. Not part of undo. */
  importAnnotation(input: ImportedAnnotation): boolean {
    return this.#write(() => {
      const known = 'SELECT count(*) AS n FROM annotations WHERE image_id = ? AND import_key = ?';
      if (this.#count(known, [input.imageId, input.importKey]) > 0) return false;
      const usable = input.id !== null && input.id > 0 && Number.isSafeInteger(input.id);
      const taken =
        !usable || this.#count('SELECT count(*) AS n FROM annotations WHERE id = ?', [input.id ?? 0]) > 0;
      this.#db.run(
        `INSERT INTO annotations (id, image_id, category_id, mask_height, mask_width, mask_counts, bbox_x, bbox_y,
           bbox_width, bbox_height, area, iscrowd, author, created_at, import_key, mask_edited, original)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'human', ?, ?, 0, ?)`,
        [
          taken ? null : input.id,
          input.imageId,
          input.categoryId,
          input.mask.size[0],
          input.mask.size[1],
          input.mask.counts,
          ...input.bbox,
          input.area,
          input.iscrowd,
          now(),
          input.importKey,
          input.original,
        ],
      );
      this.#touchedImages.add(input.imageId);
      this.#touchedAnnotations.add(input.imageId);
      this.#touchedProject = true;
      return true;
    });
  }

  // ------------------------------------------------------------------ trajectories

  /**
   * Inserts a trajectory or replaces the one of the same id. Not part of undo. Whether it is accepted is decided by
   * `acceptEpisode`, undo and redo alone: saving neither takes an acceptance back nor makes one for a known id.
   * A result nobody decided about puts a todo image in review; rejecting the last one puts it back.
   */
  saveTrajectory(trajectory: Trajectory, imageId: string): void {
    this.#write(() => {
      this.imageById(imageId);
      this.#putTrajectory(trajectory, imageId, false);
      const { status } = trajectory.outcome;
      if (isResult(status)) this.#deriveState(imageId, 'todo', 'review');
      if (status !== 'rejected') return;
      const waiting = `SELECT count(*) AS n FROM trajectories
        WHERE image_id = ? AND status IN ('finished', 'no_target', 'truncated')`;
      if (this.#count(waiting, [imageId]) === 0) this.#deriveState(imageId, 'review', 'todo');
    });
  }

  #putTrajectory(input: Trajectory, imageId: string, decides: boolean): void {
    const { trajectory, body } = checkedTrajectory(input);
    const { id } = trajectory.header;
    const stored = this.#outcomeOf(id);
    const keeps =
      !decides &&
      stored !== null &&
      (stored.status === 'accepted') !== (trajectory.outcome.status === 'accepted');
    const outcome = keeps && stored !== null ? stored : trajectory.outcome;
    const { turns, author } = summarise(trajectory);
    this.#db.run(
      `INSERT INTO trajectories (id, seq, image_id, query, status, turns, author, created_at, outcome, body)
       VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM trajectories), ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET image_id = excluded.image_id, query = excluded.query,
         status = excluded.status, turns = excluded.turns, author = excluded.author,
         created_at = excluded.created_at, outcome = excluded.outcome, body = excluded.body`,
      [
        id,
        imageId,
        trajectory.header.query,
        outcome.status,
        turns,
        author,
        trajectory.header.createdAt,
        JSON.stringify(outcome),
        body,
      ],
    );
    this.#touchedImages.add(imageId);
  }

  #outcomeOf(trajectoryId: string): Outcome | null {
    const row = this.#db.get(textRow, 'SELECT outcome AS value FROM trajectories WHERE id = ?', [
      trajectoryId,
    ]);
    return row === null ? null : outcomeSchema.parse(JSON.parse(row.value));
  }

  /** Throws NOT_FOUND, or PROJECT_UNREADABLE when the stored text is damaged. */
  trajectory(trajectoryId: string): Trajectory {
    const schema = z.object({ body: z.string(), outcome: z.string() });
    const row = this.#db.get(schema, 'SELECT body, outcome FROM trajectories WHERE id = ?', [trajectoryId]);
    if (row === null) throw new MaskwrightError('NOT_FOUND', 'The trajectory is not in the project.');
    return parseTrajectory(trajectoryId, row.body, row.outcome);
  }

  /** Id of the image that a trajectory is about. Throws NOT_FOUND. */
  imageOfTrajectory(trajectoryId: string): string {
    const sql = 'SELECT image_id AS value FROM trajectories WHERE id = ?';
    const row = this.#db.get(textRow, sql, [trajectoryId]);
    if (row === null) throw new MaskwrightError('NOT_FOUND', 'The trajectory is not in the project.');
    return row.value;
  }

  /** Trajectories of an image, oldest first. */
  listTrajectories(imageId: string): TrajectorySummary[] {
    this.imageById(imageId);
    const sql = `SELECT id, image_id, query, status, turns, author, created_at FROM trajectories
      WHERE image_id = ? ORDER BY seq`;
    return this.#db.all(trajectoryRow, sql, [imageId]).map((row) => ({
      id: row.id,
      imageId: row.image_id,
      query: row.query,
      status: row.status,
      turns: row.turns,
      author: row.author,
      createdAt: row.created_at,
    }));
  }

  /** Every trajectory in the order of saving, read one at a time. Damaged ones go to `onUnreadable`, else throw. */
  *allTrajectories(onUnreadable?: (id: string, error: unknown) => void): Generator<Trajectory, void> {
    const ids = this.#db.all(z.object({ id: z.string() }), 'SELECT id FROM trajectories ORDER BY seq');
    for (const { id } of ids) {
      let trajectory: Trajectory;
      try {
        trajectory = this.trajectory(id);
      } catch (error) {
        if (onUnreadable === undefined) throw error;
        onUnreadable(id, error);
        continue;
      }
      yield trajectory;
    }
  }

  /**
   * Accepts an episode in one commit: its masks become annotations, the trajectory's outcome accepted, the image
   * done. One mark: undo removes the annotations and makes the outcome open again. Throws CONFLICT when it is
   * accepted already.
   */
  acceptEpisode(input: AcceptedEpisode): {
    annotations: Annotation[];
    history: HistoryState;
    trajectory: Trajectory;
  } {
    const { imageId, trajectory } = input;
    const id = trajectory.header.id;
    const image = this.imageById(imageId);
    const masks = input.masks.filter((mask) => measureMask(mask, image).area > 0);
    const category = this.#category(input.categoryId);
    const label = masks.length === 0 ? 'Accept: no target' : `Accept ${masks.length} × ${category.name}`;
    const annotations = this.mark(label, () => {
      if (this.#outcomeOf(id)?.status === 'accepted') {
        throw new MaskwrightError('CONFLICT', 'This result is accepted already.', {
          hint: 'Undo first to change it.',
        });
      }
      this.#putTrajectory({ ...trajectory, outcome: openOutcome }, imageId, true);
      const outcome: Outcome = { ...trajectory.outcome, status: 'accepted', masks, category: category.name };
      this.#change({
        table: 'trajectories',
        key: id,
        imageId,
        before: { outcome: JSON.stringify(openOutcome), status: 'open' },
        after: { outcome: JSON.stringify(outcome), status: 'accepted' },
      });
      const made = masks.map((mask) =>
        this.#insertAnnotation({
          imageId,
          categoryId: input.categoryId,
          mask,
          author: input.author,
          score: input.score,
          query: input.query,
          trajectoryId: id,
        }),
      );
      this.#setState(imageId, 'done');
      return made;
    });
    return { annotations, history: this.historyState(), trajectory: this.trajectory(id) };
  }

  // ------------------------------------------------------------------ jobs

  /** Stores a job's state, so that it is known after a restart. */
  saveJob(job: JobState): void {
    this.#db.run(
      `INSERT INTO jobs (id, seq, kind, label, status, done, total, message, failures, at)
       VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM jobs), ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, done = excluded.done, total = excluded.total,
         message = excluded.message, failures = excluded.failures, at = excluded.at`,
      [
        job.id,
        job.kind,
        job.label,
        job.status,
        job.done,
        job.total,
        job.message,
        JSON.stringify(job.failures),
        now(),
      ],
    );
  }

  /** The last jobs, newest first. */
  listJobs(limit = 100): JobState[] {
    const sql = `SELECT id, kind, label, status, done, total, message, failures FROM jobs ORDER BY seq DESC LIMIT ?`;
    return this.#db.all(jobRow, sql, [limit]).map((row) => ({
      ...row,
      failures: failuresSchema.parse(JSON.parse(row.failures)),
      rate: null,
      eta: null,
    }));
  }

  /** A job that ran when the last process ended cannot be running now. */
  #failInterruptedJobs(): void {
    this.#db.run(`UPDATE jobs SET status = 'failed', message = ? WHERE status = 'running'`, [
      'Interrupted when Maskwright closed. Start it again: what is done already is kept and skipped.',
    ]);
  }
}
