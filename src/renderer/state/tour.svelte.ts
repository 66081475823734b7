import { recall, remember } from '../lib/storage';
import type { Workbench } from './workbench.svelte';

/** The steps in their order; each is done by doing it. */
export const tourSteps = ['sample', 'image', 'step', 'decide', 'accept', 'own', 'undo'] as const;
export type TourStep = (typeof tourSteps)[number];

/** How things were when a step began. */
interface Before {
  imageId: string | null;
  turns: number;
  annotations: number;
}

/** The tour on the sample project. It shows where to act, waits, and never takes a key or a click away. */
export class Tour {
  /** Null: not under way. `end`: the last word. */
  step = $state<TourStep | 'end' | null>(null);
  /** Whether it may still be offered. */
  offered = $state(recall('tour') === null);
  #before: Before = { imageId: null, turns: 0, annotations: 0 };

  readonly number = $derived(
    this.step === null || this.step === 'end' ? 0 : tourSteps.indexOf(this.step) + 1,
  );

  start(workbench: Workbench): void {
    this.stopOffering();
    workbench.app.panel = null;
    workbench.app.page = 'label';
    this.#go('sample', workbench);
  }

  next(workbench: Workbench): void {
    if (this.step === null || this.step === 'end') return;
    this.#go(tourSteps[tourSteps.indexOf(this.step) + 1] ?? 'end', workbench);
  }

  end(): void {
    this.step = null;
  }

  stopOffering(): void {
    this.offered = false;
    remember('tour', 'seen');
  }

  /** Whether the person has done what the step asks for. */
  isDone(workbench: Workbench): boolean {
    const { project, images, episode, history } = workbench;
    const before = this.#before;
    switch (this.step) {
      case 'sample':
        return project.current?.isSample === true && images.selectedId !== null;
      case 'image':
        return images.selectedId !== before.imageId && images.recordings.length > 0;
      case 'step':
        return episode.pending !== null;
      case 'decide':
        return episode.turns.length > before.turns && !episode.isWorking;
      case 'accept':
        return images.annotations.length > before.annotations;
      case 'own':
        return (
          episode.turns.some(({ node }) => node.author === 'human') ||
          images.annotations.length > before.annotations
        );
      case 'undo':
        return history.marks.redo !== null;
      default:
        return false;
    }
  }

  #go(step: TourStep | 'end', { images, episode }: Workbench): void {
    this.#before = {
      imageId: images.selectedId,
      turns: episode.turns.length,
      annotations: images.annotations.length,
    };
    this.step = step;
  }
}
