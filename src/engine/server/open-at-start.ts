import { messageOf } from '@shared/contract/errors';
import type { Engine } from '../engine';

/**
 * When nothing was named at start: the project that was open last, or, the first time, the sample.
 * Whatever fails is logged; the window then offers what to open.
 */
export async function openAtStart(
  engine: Pick<Engine, 'handlers'>,
  log: (line: string) => void,
): Promise<void> {
  const { handlers } = engine;
  try {
    if ((await handlers['project.current']({})) !== null) return;
    const [last] = await handlers['project.recent']({});
    if (last === undefined) await handlers['project.openSample']({});
    else await handlers['project.open']({ location: last.location });
  } catch (error) {
    log(`No project was opened at start: ${messageOf(error)}`);
  }
}
