import type { ClassFields } from '@shared/contract/common';
import type {
  Annotation,
  Category,
  HistoryState,
  ImageState,
  ImageSummary,
  JobState,
  MaskEdit,
  ProjectSummary,
  ReviewEntry,
  ReviewQuery,
  RunItem,
  RunPlan,
  TrajectorySummary,
} from '@shared/contract/methods';
import type { Rle } from '@shared/mask/rle';
import type { Trajectory } from '@shared/trajectory/schema';
import type { z } from 'zod';
import { Acceptance, type Accepted, type AcceptedEpisode, type Settled } from './acceptance';
import {
  type AnnotationPatch,
  Annotations,
  type CommonPatch,
  type ImportedAnnotation,
  type NewAnnotation,
  type StoredAnnotation,
} from './annotations';
import { Categories, type CategoryPatch, type NewCategory, type StoredCategory } from './categories';
import type { Database } from './database';
import { type ImageConditions, ImageList, type ImagePlace, type ListImages } from './image-list';
import { ImageStates } from './image-states';
import { type ImagePatch, Images, type NewImage, type ProjectImage } from './images';
import { InsightRows } from './insight-rows';
import { Jobs } from './jobs';
import { Journal, type Played } from './journal';
import { MaskEdits } from './mask-edits';
import { type ExportedImages, type PagedAnnotation, Pages } from './pages';
import { Reviews } from './reviews';
import { Roots } from './roots';
import { type NewRun, type RunCounts, Runs, type RunWork, type StoredRun } from './runs';
import { Settings } from './settings';
import { projectSummary } from './summary';
import type { StoreChange } from './touched';
import { Trajectories } from './trajectories';

export type {
  AcceptedEpisode,
  ImageConditions,
  ImportedAnnotation,
  ListImages,
  NewAnnotation,
  NewImage,
  ProjectImage,
  StoreChange,
  StoredAnnotation,
};

/** What a topic offers to the engine: all but what topics use among themselves. */
type Offer<Topic, Internal extends keyof Topic = never> = Omit<Topic, Internal>;

/**
 * One open project. Every method is synchronous and returns after its change is on disk. What a person changes is
 * undoable; images, imports and trajectories are kept (only the acceptance of a trajectory is undone).
 * Throws MaskwrightError: NOT_FOUND for unknown ids, INVALID_REQUEST for masks that do not fit, CONFLICT, and what
 * the database says (disk full, file gone).
 *
 * It puts the topics together and has no logic of its own: each method does what the one of the same name in its
 * topic's module does, and is described there (editors show that description here too).
 */
export class ProjectStore
  implements
    Offer<Journal, 'bringsBack' | 'change' | 'stopListening' | 'touched' | 'write'>,
    Offer<Settings>,
    Offer<Images>,
    Offer<Pages>,
    Offer<ImageList>,
    Offer<ImageStates, 'derive' | 'set' | 'finish' | 'settle'>,
    Offer<Categories, 'categoryById'>,
    Offer<Annotations, 'annotationsAlike' | 'insert'>,
    Offer<Trajectories, 'outcomeOf' | 'put' | 'settledColumns'>,
    Offer<Reviews, 'assign' | 'note' | 'proposal' | 'waitingOn' | 'duplicateOf'>,
    Offer<Runs>,
    Offer<Acceptance>,
    Offer<MaskEdits>,
    Offer<Jobs, 'failInterrupted'>
{
  readonly file: string;
  /** What statistics read. */
  readonly insight: InsightRows;
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #settings: Settings;
  readonly #images: Images;
  readonly #pages: Pages;
  readonly #list: ImageList;
  readonly #states: ImageStates;
  readonly #categories: Categories;
  readonly #annotations: Annotations;
  readonly #trajectories: Trajectories;
  readonly #acceptance: Acceptance;
  readonly #reviews: Reviews;
  readonly #runs: Runs;
  readonly #maskEdits: MaskEdits;
  readonly #jobs: Jobs;

  /** Use `openProject` or `createProject`. The database must be at the newest schema. */
  constructor(db: Database) {
    this.#db = db;
    this.file = db.file;
    this.insight = new InsightRows(db);
    const roots = new Roots(db);
    const journal = new Journal(db, () => roots.reload());
    const images = new Images(db, journal, roots);
    const states = new ImageStates(db, journal, images);
    const categories = new Categories(db, journal);
    const annotations = new Annotations(db, journal, { images, categories });
    const reviews = new Reviews(db, { annotations, categories });
    const trajectories = new Trajectories(db, journal, { images, states, reviews });
    this.#journal = journal;
    this.#settings = new Settings(db, journal);
    this.#images = images;
    this.#pages = new Pages(db);
    this.#list = new ImageList(db);
    this.#states = states;
    this.#categories = categories;
    this.#annotations = annotations;
    this.#trajectories = trajectories;
    this.#reviews = reviews;
    this.#runs = new Runs(db, journal, { trajectories, reviews });
    this.#acceptance = new Acceptance(journal, {
      images,
      states,
      categories,
      annotations,
      trajectories,
      reviews,
    });
    this.#maskEdits = new MaskEdits(journal, { images, states, categories, annotations, trajectories });
    this.#jobs = new Jobs(db);
    this.#jobs.failInterrupted();
  }

  /** Gives the project file back. Safe to call twice. */
  close(): void {
    this.#journal.stopListening();
    this.#db.close();
  }

  /** Name, classes, and how many images are in which state. */
  summary(): ProjectSummary {
    return projectSummary(this.#db, this.#settings, this.#categories);
  }

  // ------------------------------------------------------------------ journal.ts: marks, undo and redo

  onChange(listener: (change: StoreChange) => void): () => void {
    return this.#journal.onChange(listener);
  }

  /** Joins several writes (not marks) in one commit: for importers. */
  batch<T>(work: () => T): T {
    return this.#journal.write(work);
  }

  mark<T>(label: string, work: () => T): T {
    return this.#journal.mark(label, work);
  }

  recordEvent(label: string): void {
    this.#journal.recordEvent(label);
  }

  dropRedo(label: string): void {
    this.#journal.dropRedo(label);
  }

  historyState(): HistoryState {
    return this.#journal.historyState();
  }

  lastMark(): number {
    return this.#journal.lastMark();
  }

  undo(): Played {
    return this.#journal.undo();
  }

  redo(): Played {
    return this.#journal.redo();
  }

  // ------------------------------------------------------------------ settings.ts

  setting<S extends z.ZodType>(key: string, schema: S): z.output<S> | null {
    return this.#settings.setting(key, schema);
  }

  setSetting(key: string, value: unknown): void {
    this.#settings.setSetting(key, value);
  }

  // ------------------------------------------------------------------ images.ts

  imageById(imageId: string): ProjectImage {
    return this.#images.imageById(imageId);
  }

  allImages(): ProjectImage[] {
    return this.#images.allImages();
  }

  imagePath(imageId: string): string {
    return this.#images.imagePath(imageId);
  }

  imageByFile(file: string): ProjectImage | null {
    return this.#images.imageByFile(file);
  }

  imageFolders(): string[] {
    return this.#images.imageFolders();
  }

  rootFolder(rootId: number): string {
    return this.#images.rootFolder(rootId);
  }

  addImages(folder: string, images: readonly NewImage[]): { images: ProjectImage[]; added: number } {
    return this.#images.addImages(folder, images);
  }

  updateImage(imageId: string, patch: ImagePatch): void {
    this.#images.updateImage(imageId, patch);
  }

  setProblem(imageId: string, problem: string | null): void {
    this.#images.setProblem(imageId, problem);
  }

  setHash(imageId: string, sha256: string): void {
    this.#images.setHash(imageId, sha256);
  }

  setImageOriginal(imageId: string, cocoId: number | null, original: string): void {
    this.#images.setImageOriginal(imageId, cocoId, original);
  }

  assignCocoIds(): void {
    this.#images.assignCocoIds();
  }

  // ------------------------------------------------------------------ pages.ts: a big project bit by bit

  imagesAfter(cocoId: number, limit: number, images: ExportedImages): ProjectImage[] {
    return this.#pages.imagesAfter(cocoId, limit, images);
  }

  unnumberedImages(images: ExportedImages): { id: string; wanted: boolean }[] {
    return this.#pages.unnumberedImages(images);
  }

  annotationsAfter(id: number, limit: number): PagedAnnotation[] {
    return this.#pages.annotationsAfter(id, limit);
  }

  exportCounts(images: ExportedImages): { images: number; annotations: number } {
    return this.#pages.exportCounts(images);
  }

  exportEnd(): { cocoId: number; annotationId: number } {
    return this.#pages.exportEnd();
  }

  sharedPaths(): string[] {
    return this.#pages.sharedPaths();
  }

  hasPath(path: string): boolean {
    return this.#pages.hasPath(path);
  }

  // ------------------------------------------------------------------ image-list.ts

  listImages(options: ListImages): { total: number; items: ImageSummary[] } {
    return this.#list.listImages(options);
  }

  imageSummary(imageId: string): ImageSummary {
    return this.#list.imageSummary(imageId);
  }

  imagePlace(imageId: string, conditions: ImageConditions): ImagePlace {
    return this.#list.imagePlace(imageId, conditions);
  }

  nextOpen(
    conditions: ImageConditions,
    after: number,
    except: string | null,
  ): { image: ImageSummary; index: number } | null {
    return this.#list.nextOpen(conditions, after, except);
  }

  // ------------------------------------------------------------------ image-states.ts: to do, in review, done

  setImageState(imageId: string, state: ImageState): void {
    this.#states.setImageState(imageId, state);
  }

  // ------------------------------------------------------------------ categories.ts

  categories(): Category[] {
    return this.#categories.categories();
  }

  storedCategories(): StoredCategory[] {
    return this.#categories.storedCategories();
  }

  createCategory(name: string): Category {
    return this.#categories.createCategory(name);
  }

  idOfClass(choice: ClassFields): number {
    return this.#categories.idOfClass(choice);
  }

  addCategory(input: NewCategory): Category {
    return this.#categories.addCategory(input);
  }

  updateCategory(categoryId: number, patch: CategoryPatch): Category {
    return this.#categories.updateCategory(categoryId, patch);
  }

  reorderCategories(categoryIds: readonly number[]): void {
    this.#categories.reorderCategories(categoryIds);
  }

  mergeCategories(categoryIds: readonly number[], into: number): number {
    return this.#categories.mergeCategories(categoryIds, into);
  }

  deleteCategory(categoryId: number, moveTo: number | null): number {
    return this.#categories.deleteCategory(categoryId, moveTo);
  }

  // ------------------------------------------------------------------ annotations.ts

  annotations(imageId: string): Annotation[] {
    return this.#annotations.annotations(imageId);
  }

  storedAnnotations(imageId: string): StoredAnnotation[] {
    return this.#annotations.storedAnnotations(imageId);
  }

  annotation(id: number): Annotation {
    return this.#annotations.annotation(id);
  }

  createAnnotations(inputs: readonly NewAnnotation[]): Annotation[] {
    return this.#annotations.createAnnotations(inputs);
  }

  updateAnnotation(id: number, patch: AnnotationPatch): Annotation {
    return this.#annotations.updateAnnotation(id, patch);
  }

  updateAnnotations(ids: readonly number[], patch: CommonPatch): void {
    this.#annotations.updateAnnotations(ids, patch);
  }

  deleteAnnotation(id: number): void {
    this.#annotations.deleteAnnotation(id);
  }

  deleteAnnotations(ids: readonly number[]): void {
    this.#annotations.deleteAnnotations(ids);
  }

  reorderAnnotations(imageId: string, ids: readonly number[]): void {
    this.#annotations.reorderAnnotations(imageId, ids);
  }

  setHidden(imageId: string, ids: readonly number[]): void {
    this.#annotations.setHidden(imageId, ids);
  }

  importAnnotation(input: ImportedAnnotation): boolean {
    return this.#annotations.importAnnotation(input);
  }

  // ------------------------------------------------------------------ trajectories.ts and acceptance.ts

  hasTrajectory(trajectoryId: string): boolean {
    return this.#trajectories.hasTrajectory(trajectoryId);
  }

  saveTrajectory(trajectory: Trajectory, imageId: string): void {
    this.#trajectories.saveTrajectory(trajectory, imageId);
  }

  trajectory(trajectoryId: string): Trajectory {
    return this.#trajectories.trajectory(trajectoryId);
  }

  imageOfTrajectory(trajectoryId: string): string {
    return this.#trajectories.imageOfTrajectory(trajectoryId);
  }

  listTrajectories(imageId: string): TrajectorySummary[] {
    return this.#trajectories.listTrajectories(imageId);
  }

  trajectoryCount(): number {
    return this.#trajectories.trajectoryCount();
  }

  allTrajectories(onUnreadable?: (id: string, error: unknown) => void): Generator<Trajectory, void> {
    return this.#trajectories.allTrajectories(onUnreadable);
  }

  acceptEpisode(input: AcceptedEpisode): Accepted {
    return this.#acceptance.acceptEpisode(input);
  }

  rejectEpisode(imageId: string, trajectory: Trajectory): void {
    this.#acceptance.rejectEpisode(imageId, trajectory);
  }

  acceptReviews(ids: readonly string[], categoryId: number | null): Settled {
    return this.#acceptance.acceptReviews(ids, categoryId);
  }

  rejectReviews(ids: readonly string[], reason: string | null): Settled {
    return this.#acceptance.rejectReviews(ids, reason);
  }

  // ------------------------------------------------------------------ reviews.ts

  listReviews(query: ReviewQuery & { offset: number; limit: number }): {
    total: number;
    waiting: number;
    items: ReviewEntry[];
  } {
    return this.#reviews.listReviews(query);
  }

  review(trajectoryId: string): ReviewEntry {
    return this.#reviews.review(trajectoryId);
  }

  reviewMasks(trajectoryId: string): Rle[] {
    return this.#reviews.reviewMasks(trajectoryId);
  }

  waitingReviews(): number {
    return this.#reviews.waitingReviews();
  }

  reviewFacets(): ReturnType<Reviews['reviewFacets']> {
    return this.#reviews.reviewFacets();
  }

  reviewHistogram(query: ReviewQuery, bins: number): { bins: number[]; unscored: number } {
    return this.#reviews.reviewHistogram(query, bins);
  }

  reviewsAbove(query: ReviewQuery, score: number): string[] {
    return this.#reviews.reviewsAbove(query, score);
  }

  decisionsSince(since: string): number[] {
    return this.#reviews.decisionsSince(since);
  }

  // ------------------------------------------------------------------ runs.ts

  createRun(run: NewRun): void {
    this.#runs.createRun(run);
  }

  runById(runId: string): StoredRun {
    return this.#runs.runById(runId);
  }

  runPlan(runId: string): RunPlan {
    return this.#runs.runPlan(runId);
  }

  listRuns(): StoredRun[] {
    return this.#runs.listRuns();
  }

  runCounts(runId: string): RunCounts {
    return this.#runs.runCounts(runId);
  }

  runItems(
    runId: string,
    options: { state: RunItem['state'] | null; offset: number; limit: number },
  ): { total: number; items: RunItem[] } {
    return this.#runs.runItems(runId, options);
  }

  waitingItems(runId: string, after: number, limit: number): RunWork[] {
    return this.#runs.waitingItems(runId, after, limit);
  }

  annotatedClasses(): { imageId: string; className: string }[] {
    return this.#runs.annotatedClasses();
  }

  recordings(): { id: string; imageId: string; query: string }[] {
    return this.#runs.recordings();
  }

  finishRunItem(runId: string, place: number, trajectory: Trajectory, imageId: string): void {
    this.#runs.finishRunItem(runId, place, trajectory, imageId);
  }

  failRunItem(runId: string, place: number, message: string, hint: string): void {
    this.#runs.failRunItem(runId, place, message, hint);
  }

  retryRunItems(runId: string, places?: readonly number[]): void {
    this.#runs.retryRunItems(runId, places);
  }

  // ------------------------------------------------------------------ mask-edits.ts

  editMasks(edit: MaskEdit): { created: Annotation[]; updated: Annotation[] } {
    return this.#maskEdits.editMasks(edit);
  }

  // ------------------------------------------------------------------ jobs.ts

  storedJob(jobId: string): JobState | null {
    return this.#jobs.storedJob(jobId);
  }

  saveJob(job: JobState): void {
    this.#jobs.saveJob(job);
  }

  listJobs(limit?: number): JobState[] {
    return this.#jobs.listJobs(limit);
  }
}
