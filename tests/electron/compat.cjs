/**
 * For tests only: lets the app, which is made for the current Electron, run in Electron 22 (Node 16.17, Chromium 108)
 * where that is the only binary at hand. Loaded by `-r` in main and, through NODE_OPTIONS, in every process below it.
 * It does nothing where the runtime already has what the app uses.
 */
const nodeMajor = Number(process.versions.node.split('.')[0]);

if (nodeMajor < 20) {
  const { deserialize, serialize } = require('node:v8');
  const { webcrypto } = require('node:crypto');
  const { Blob } = require('node:buffer');

  const define = (target, name, value) => {
    if (target[name] === undefined)
      Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  };
  // Nobody listens to traces here.
  define(require('node:diagnostics_channel'), 'tracingChannel', () => ({
    hasSubscribers: false,
    traceSync: (run, _context, self, ...given) => run.apply(self, given),
    tracePromise: (run, _context, self, ...given) => run.apply(self, given),
  }));
  define(globalThis, 'structuredClone', (value) => deserialize(serialize(value)));
  define(globalThis, 'crypto', webcrypto);
  define(globalThis, 'Blob', Blob);
  const lists = [Array.prototype, Object.getPrototypeOf(Uint8Array.prototype)];
  for (const list of lists) {
    define(list, 'findLastIndex', function findLastIndex(test) {
      let index = this.length - 1;
      while (index >= 0 && !test(this[index], index, this)) index--;
      return index;
    });
    define(list, 'findLast', function findLast(test) {
      return this[this.findLastIndex(test)];
    });
    define(list, 'toSorted', function toSorted(compare) {
      return this.slice().sort(compare);
    });
    define(list, 'toReversed', function toReversed() {
      return this.slice().reverse();
    });
  }
  define(Array.prototype, 'toSpliced', function toSpliced(...given) {
    const copy = this.slice();
    copy.splice(...given);
    return copy;
  });
  define(Array.prototype, 'with', function replaced(index, value) {
    const copy = this.slice();
    copy[index < 0 ? copy.length + index : index] = value;
    return copy;
  });
  define(AbortSignal, 'any', (signals) => {
    const controller = new AbortController();
    for (const signal of signals) {
      if (signal.aborted) controller.abort(signal.reason);
      else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
    }
    return controller.signal;
  });
  define(
    globalThis,
    'Response',
    class Response {
      constructor(body, { status = 200, headers = {} } = {}) {
        this.bytes = Buffer.from(body ?? '');
        this.status = status;
        this.headers = headers;
      }
    },
  );
}

if (process.type === 'browser') {
  const { protocol } = require('electron');
  if (nodeMajor < 20)
    process.env.NODE_OPTIONS = `--no-warnings --experimental-fetch -r ${JSON.stringify(__filename)}`;
  // Electron 25 and later have it.
  protocol.handle ??= (scheme, handler) =>
    protocol.registerBufferProtocol(scheme, async (request, respond) => {
      const answer = await handler({ url: request.url, method: request.method, headers: new Map() });
      const type = Object.entries(answer.headers).find(([name]) => name.toLowerCase() === 'content-type');
      respond({
        statusCode: answer.status,
        headers: answer.headers,
        mimeType: type?.[1].split(';')[0],
        data: answer.bytes,
      });
    });
}
