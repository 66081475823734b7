import { MaskwrightError } from '@shared/contract/errors';
import type { EventName, EventPayload, Handlers, HistoryState } from '@shared/contract/methods';
import type { RpcEngine } from '@shared/contract/rpc-server';

type Listener = <E extends EventName>(event: E, payload: EventPayload<E>) => void;

export interface FakeEngine extends RpcEngine {
  emit<E extends EventName>(event: E, payload: EventPayload<E>): void;
  readonly subscribers: number;
}

/** Red pixel. */
export const PNG = Uint8Array.from(
  atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='),
  (character) => character.charCodeAt(0),
);

const history: HistoryState = { undo: 'box', redo: null };

/** An engine of a few methods, for tests of transports. */
export function fakeEngine(overrides: Partial<Handlers> = {}): FakeEngine {
  const listeners = new Set<Listener>();
  return {
    handlers: {
      'history.state': async () => history,
      'project.current': async () => null,
      'categories.create': async ({ name }) => ({
        id: 1,
        name,
        supercategory: '',
        color: '#123456',
        hotkey: null,
        attributes: [],
        annotations: 0,
      }),
      'images.read': async ({ imageId }) => {
        if (imageId !== 'img-1') throw new MaskwrightError('NOT_FOUND', 'There is no such image.');
        return { mime: 'image/png', bytes: PNG };
      },
      ...overrides,
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    emit(event, payload) {
      for (const listener of listeners) listener(event, payload);
    },
    get subscribers() {
      return listeners.size;
    },
  };
}
