import { type AgentConventions, coordinatesSchema, promptStyleSchema } from '@shared/tools/conventions';
import { Option } from 'commander';
import { viewPixels } from '../arguments';

/** How the policy is spoken to, as far as it was given: what is left out is as the agent's own file says. */
export type ConventionOptions = Partial<AgentConventions>;

export function coordinatesOption(): Option {
  return new Option(
    '--coordinates <convention>',
    'how the policy writes coordinates (default: as its file says, else norm1000)',
  ).choices(coordinatesSchema.options);
}

export function promptOption(): Option {
  return new Option(
    '--prompt <style>',
    'full, with the tools; brief, for an agent that was trained so (default: as its file says, else full)',
  ).choices(promptStyleSchema.options);
}

export function viewPixelsOption(): Option {
  return new Option(
    '--view-pixels <n>',
    'pixels of every view image (default: as the policy’s file says, else by the size of the image)',
  ).argParser(viewPixels);
}

export function askedConventions({ coordinates, prompt, viewPixels }: ConventionOptions): ConventionOptions {
  return {
    ...(coordinates !== undefined && { coordinates }),
    ...(prompt !== undefined && { prompt }),
    ...(viewPixels !== undefined && { viewPixels }),
  };
}
