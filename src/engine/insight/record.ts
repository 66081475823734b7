import { setImmediate as breathe } from 'node:timers/promises';
import {
  type EpisodeFacts,
  type EpisodeInput,
  factsOf,
  recordedEpisodeSchema,
} from '@shared/insight/episode-facts';
import { factsOfMark, type JournalEntry, recordedChangesSchema } from '@shared/insight/journal-facts';
import type { InsightRecord } from '@shared/insight/summarise';
import { outcomeSchema, verdictSchema } from '@shared/trajectory/schema';
import { z } from 'zod';
import type { ProjectStore } from '../project';
import type { EpisodeRow, MadeAnnotation } from '../project/insight-rows';

/** Episodes, or entries of the journal, that are read before others get a turn. */
const episodesAtOnce = 50;
const entriesAtOnce = 200;

const verdictsSchema = z.array(verdictSchema);

/**
 * The facts of a project's episodes and journal. Read through once, a page at a time; afterwards only what is new and the
 * episodes of images that changed. Nothing is stored: it can always be read again.
 */
export class InsightReader {
  readonly #store: ProjectStore;
  readonly #episodes = new Map<string, EpisodeFacts | null>();
  readonly #ofImage = new Map<string, Set<string>>();
  #changed = new Set<string>();
  #lastEpisode = 0;
  readonly #journal: JournalEntry[] = [];
  /** One reading after another. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(store: ProjectStore) {
    this.#store = store;
    store.onChange(({ images, annotations }) => {
      for (const imageId of images) this.#changed.add(imageId);
      for (const imageId of annotations) this.#changed.add(imageId);
    });
  }

  /** Everything as it is now. Throws NO_PROJECT when the project is closed meanwhile. */
  read(): Promise<InsightRecord> {
    const next = this.#reading.then(() => this.#read());
    this.#reading = next.catch(() => {});
    return next;
  }

  async #read(): Promise<InsightRecord> {
    const changed = this.#changed;
    this.#changed = new Set();
    try {
      for (const imageId of changed) {
        if (!this.#ofImage.has(imageId)) continue;
        for (const row of this.#store.insight.episodesOfImage(imageId)) this.#take(row);
        await breathe();
      }
    } catch (error) {
      for (const imageId of changed) this.#changed.add(imageId);
      throw error;
    }
    await this.#readNew();
    await this.#readJournal();
    const facts = [...this.#episodes.values()];
    const episodes = facts.filter((episode) => episode !== null);
    const { counts } = this.#store.summary();
    return {
      episodes,
      unreadable: facts.length - episodes.length,
      journal: this.#journal,
      now: { todo: counts.todo, review: counts.review, done: counts.done },
      categories: this.#store.categories(),
      runs: this.#store.insight.runLabels(),
    };
  }

  async #readNew(): Promise<void> {
    for (;;) {
      const rows = this.#store.insight.episodesAfter(this.#lastEpisode, episodesAtOnce);
      for (const row of rows) {
        this.#take(row);
        this.#lastEpisode = row.seq;
      }
      if (rows.length < episodesAtOnce) return;
      await breathe();
    }
  }

  async #readJournal(): Promise<void> {
    for (;;) {
      const last = this.#journal.at(-1)?.seq ?? 0;
      const rows = this.#store.insight.journalAfter(last, entriesAtOnce);
      for (const { seq, kind, target, at, changes } of rows) {
        const isMark = kind === 'mark';
        const facts = isMark ? factsOfMark(recordedChangesSchema.parse(JSON.parse(changes))) : null;
        this.#journal.push({ seq, kind, target, at, facts });
      }
      if (rows.length < entriesAtOnce) return;
      await breathe();
    }
  }

  #take(row: EpisodeRow): void {
    const known = this.#ofImage.get(row.image_id) ?? new Set();
    this.#ofImage.set(row.image_id, known.add(row.id));
    this.#episodes.set(
      row.id,
      readEpisode(row, () => this.#store.insight.annotationsOfEpisode(row.image_id, row.id)),
    );
  }
}

/** The facts of a stored episode; null when its text is damaged. */
export function readEpisode(row: EpisodeRow, annotationsOf: () => MadeAnnotation[]): EpisodeFacts | null {
  let stored: Pick<EpisodeInput, 'episode' | 'outcome'>;
  try {
    const episode = recordedEpisodeSchema.parse(JSON.parse(row.body));
    const decided = row.decision === null ? [] : verdictsSchema.parse(JSON.parse(row.decision));
    const outcome = outcomeSchema.parse(JSON.parse(row.outcome));
    stored = { episode: { ...episode, verdicts: [...episode.verdicts, ...decided] }, outcome };
  } catch {
    return null;
  }
  const { episode, outcome } = stored;
  const isSettled = outcome.status === 'accepted' || outcome.status === 'rejected';
  const annotations = outcome.status === 'accepted' ? annotationsOf() : [];
  const last = [...episode.nodes, ...episode.verdicts].map(({ at }) => at).sort();
  // Those settled before the moment was stored.
  const settledAt = row.settled_at ?? annotations[0]?.createdAt ?? last.at(-1) ?? null;
  try {
    return factsOf({
      id: row.id,
      imageId: row.image_id,
      runId: row.run_id,
      episode,
      outcome,
      settledAt: isSettled ? settledAt : null,
      annotations,
    });
  } catch {
    // A mask whose run lengths do not fit its size.
    return null;
  }
}
