import { describe, expect, it } from 'vitest';
import { FailureGuard, type ItemFailure } from './failure-guard';

const refused: ItemFailure = { code: 'ENDPOINT_FAILED', message: 'Nothing answers.', hint: 'Start it.' };
const broken = (name: string): ItemFailure => ({
  code: 'IMAGE_UNREADABLE',
  message: `${name} is broken.`,
  hint: '',
});

describe('failure guard', () => {
  it('gives up at once without a model', () => {
    const missing = { code: 'MODEL_MISSING', message: 'No model.', hint: 'Choose one.' };
    expect(() => new FailureGuard().failed(missing)).toThrow(
      expect.objectContaining({ hint: 'Choose one.' }),
    );
  });

  it('gives up an endpoint that is gone, also after items that went well', () => {
    const guard = new FailureGuard();
    guard.failed(refused);
    guard.failed(refused);
    guard.succeeded();
    guard.failed(refused);
    guard.failed(refused);
    expect(() => guard.failed(refused)).toThrow('Nothing answers.');
  });

  it('goes on past items that are broken each for itself, not past one cause for all', () => {
    const guard = new FailureGuard();
    for (let item = 0; item < 1000; item++) guard.failed(broken(`${item}.jpg`));
    const same = (): void => {
      for (let item = 0; item < 1000; item++) guard.failed({ ...broken('x'), message: 'The disk is gone.' });
    };
    expect(same).toThrow('The disk is gone.');
  });
});
