import type { Workbench } from '../state/workbench.svelte';
import type {} from './test-hook-types';

export function exposeForTests(workbench: Workbench): () => void {
  const isWanted = new URLSearchParams(location.search).has('test') || location.hash === '#test';
  if (!isWanted) {
    // `#test` can be set without loading the page anew.
    const again = (): void => {
      if (location.hash === '#test') exposeForTests(workbench);
    };
    window.addEventListener('hashchange', again, { once: true });
    return () => window.removeEventListener('hashchange', again);
  }
  const { canvas, episode, images } = workbench;
  window.__maskwright = {
    toScreen({ x, y }) {
      const box = document.getElementById('stage')?.getBoundingClientRect();
      const { zoom, x: left, y: top } = canvas.view;
      return { x: x * zoom + left + (box?.left ?? 0), y: y * zoom + top + (box?.top ?? 0) };
    },
    get zoom() {
      return canvas.view.zoom;
    },
    get status() {
      return episode.current?.status ?? null;
    },
    get imageId() {
      return images.selectedId;
    },
    get annotations() {
      return images.annotations;
    },
    get selectedId() {
      return canvas.selectedId;
    },
    get corners() {
      const rings = workbench.editing.polygon?.flatMap(({ outer, holes }) => [outer, ...holes]) ?? [];
      return rings.flatMap((ring) =>
        Array.from({ length: ring.length / 2 }, (_, i) => ({ x: ring[2 * i] ?? 0, y: ring[2 * i + 1] ?? 0 })),
      );
    },
    get selected() {
      return images.annotations.findIndex(({ id }) => id === canvas.selectedId);
    },
    get turns() {
      return episode.current?.trajectory.nodes.length ?? 0;
    },
    get frames() {
      return canvas.stage?.frames ?? 0;
    },
    get imageReady() {
      return workbench.image !== null;
    },
  };
  return () => {
    delete window.__maskwright;
  };
}
