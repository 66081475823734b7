import { errorCodeSchema, MaskwrightError } from '@shared/contract/errors';

/** Why an item failed. */
export interface ItemFailure {
  code: string;
  message: string;
  hint: string;
}

/** A model that does not load fails every item alike. */
const fatalCodes = ['MODEL_MISSING', 'MODEL_UNREADABLE'];
/** An endpoint that failed so many items in a row is gone. */
const refusalsToGiveUp = 3;
/** So many items in a row with the very same message have one cause that is not theirs. */
const sameToGiveUp = 20;

/** Tells when a batch has come to a cause that fails every item alike: one message instead of thousands. */
export class FailureGuard {
  private refusals = 0;
  private same = 0;
  private last = '';

  succeeded(): void {
    this.refusals = 0;
    this.same = 0;
  }

  /** @throws MaskwrightError of the failure, when the rest of the items would fail like it */
  failed(failure: ItemFailure): void {
    const { code, message, hint } = failure;
    this.refusals = code === 'ENDPOINT_FAILED' ? this.refusals + 1 : 0;
    this.same = message === this.last ? this.same + 1 : 1;
    this.last = message;
    const isOver =
      fatalCodes.includes(code) || this.refusals >= refusalsToGiveUp || this.same >= sameToGiveUp;
    if (!isOver) return;
    const known = errorCodeSchema.safeParse(code);
    throw new MaskwrightError(known.success ? known.data : 'INTERNAL', message, { hint });
  }
}
