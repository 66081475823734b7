import { SingleBar } from 'cli-progress';

/** Progress on standard error: a bar with rate and ETA on a terminal, a line now and then elsewhere. */
export class ProgressDisplay {
  private readonly total: number;
  private readonly bar: SingleBar | null;
  private done = 0;
  private resumed = 0;
  private startedAt = 0;
  private lastLineAt = 0;
  private isRunning = false;

  constructor(total: number) {
    this.total = total;
    this.bar = process.stderr.isTTY
      ? new SingleBar({
          format: ' {bar} {value}/{total}  {rate}  ETA {left}',
          stream: process.stderr,
          hideCursor: true,
          barsize: 30,
        })
      : null;
  }

  /** @param done items that an earlier run finished */
  start(done: number): void {
    this.done = done;
    this.resumed = done;
    this.startedAt = Date.now();
    this.isRunning = true;
    if (done > 0) process.stderr.write(`resuming: ${done} of ${this.total} were done before\n`);
    this.bar?.start(this.total, done, this.words());
  }

  /** @param problem shown above the bar when the item failed */
  step(problem: string | null): void {
    this.done++;
    if (problem !== null) process.stderr.write(`${this.bar ? '\r\x1b[K' : ''}failed ${problem}\n`);
    this.bar?.update(this.done, this.words());
    if (!this.bar && (Date.now() - this.lastLineAt > 5000 || this.done === this.total)) {
      this.lastLineAt = Date.now();
      const { rate, left } = this.words();
      process.stderr.write(`${this.done}/${this.total}  ${rate}  ETA ${left}\n`);
    }
  }

  stop(): void {
    if (this.isRunning) this.bar?.stop();
    this.isRunning = false;
  }

  private words(): { rate: string; left: string } {
    const seconds = (Date.now() - this.startedAt) / 1000;
    const finished = this.done - this.resumed;
    if (finished === 0 || seconds === 0) return { rate: '– items/s', left: '–' };
    const rate = finished / seconds;
    return { rate: `${rate.toPrecision(2)} items/s`, left: duration((this.total - this.done) / rate) };
  }
}

/**
 * Progress of which the total is not known at first: a count, then a bar with rate and ETA, on a terminal; elsewhere a
 * line now and then.
 */
export class ProgressLine {
  private display: ProgressDisplay | null = null;
  private shown = 0;

  show(done: number, total: number | null): void {
    if (total === null) {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${done}`);
      return;
    }
    if (this.display === null) {
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
      this.display = new ProgressDisplay(total);
      this.display.start(0);
    }
    for (; this.shown < done; this.shown++) this.display.step(null);
  }

  end(): void {
    if (this.display === null && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    this.display?.stop();
    this.display = null;
  }
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${whole % 60} s` : `${whole} s`;
}
