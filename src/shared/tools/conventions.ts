import { z } from 'zod';
import { MaskwrightError } from '../contract/errors';
import { type Coordinates, defaultViewConfig, type ViewConfig } from '../geometry/view';

export const coordinatesSchema = z.enum(['norm1000', 'pixel']);

/**
 * How much a prompt says. `full`: how to work and which tools there are. `brief`: one line and no tools, for a model
 * that was trained on this environment and knows them; a thousand tokens less to read.
 */
export const promptStyleSchema = z.enum(['full', 'brief']);
export type PromptStyle = z.infer<typeof promptStyleSchema>;

/** Pixels of every view image, as nearly as the image's shape allows; null: the defaults of the coordinates. */
export const viewPixelsSchema = z
  .number()
  .int()
  .min(28 * 28)
  .max(4_194_304)
  .nullable();

/** How an agent is spoken to. What it was trained with is what it runs with. */
export interface AgentConventions {
  coordinates: Coordinates;
  prompt: PromptStyle;
  viewPixels: number | null;
}

export const agentConventionsSchema: z.ZodType<AgentConventions> = z.object({
  coordinates: coordinatesSchema,
  prompt: promptStyleSchema,
  viewPixels: viewPixelsSchema,
});

export const defaultConventions: AgentConventions = {
  coordinates: 'norm1000',
  prompt: 'full',
  viewPixels: null,
};

/** The limits of view images by these conventions. */
export function viewConfigOf({ coordinates, viewPixels }: Omit<AgentConventions, 'prompt'>): ViewConfig {
  const usual = defaultViewConfig(coordinates);
  return viewPixels === null ? usual : { ...usual, minPixels: viewPixels, maxPixels: viewPixels };
}

/** By which option of the command line each is asked for. */
const optionNames: Record<keyof AgentConventions, string> = {
  coordinates: '--coordinates',
  prompt: '--prompt',
  viewPixels: '--view-pixels',
};
const conventionNames: readonly (keyof AgentConventions)[] = ['coordinates', 'prompt', 'viewPixels'];

/**
 * What holds for an agent: what its file declares, else what was asked for, else the defaults.
 *
 * @param declared by the agent's own file
 * @param asked by a person, in so many words
 * @throws MaskwrightError INVALID_REQUEST where the two contradict each other
 */
export function settleConventions(
  declared: Partial<AgentConventions>,
  asked: Partial<AgentConventions>,
): AgentConventions {
  for (const name of conventionNames) {
    const own = declared[name];
    const wanted = asked[name];
    if (own === undefined || wanted === undefined || own === wanted) continue;
    throw new MaskwrightError(
      'INVALID_REQUEST',
      `The agent's file says ${optionNames[name]} ${own}, and ${optionNames[name]} ${wanted} was asked for.`,
      { hint: `Leave ${optionNames[name]} out: an agent works as it was trained.` },
    );
  }
  return { ...defaultConventions, ...asked, ...declared };
}

/** The first convention in which a running episode is not what an agent declares; null: it can take part. */
export function conflictingConvention(
  declared: Partial<AgentConventions>,
  running: AgentConventions,
): keyof AgentConventions | null {
  return (
    conventionNames.find((name) => declared[name] !== undefined && declared[name] !== running[name]) ?? null
  );
}
