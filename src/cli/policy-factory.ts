import { join } from 'node:path';
import type { BatchOptions } from '@engine/batch/annotate';
import { readTrajectories } from '@engine/exporters';
import { checkVisionModel } from '@engine/models/model-files';
import { nodeModelChild } from '@engine/models/node-model-child';
import { llamaCppPolicy } from '@engine/policies/llama-cpp';
import { openAiPolicy } from '@engine/policies/openai-compatible';
import type { Policy } from '@engine/policies/policy';
import { replayPolicy } from '@engine/policies/replay';
import { sharedPolicy } from '@engine/policies/shared-policy';
import { simulatedAnnotator } from '@engine/policies/simulated-annotator';
import type { PolicySpec } from '@engine/setup/specs';
import { MaskwrightError } from '@shared/contract/errors';
import { type AgentConventions, settleConventions } from '@shared/tools/conventions';
import type { Trajectory } from '@shared/trajectory/schema';

export interface Policies {
  policyFor: BatchOptions['policyFor'];
  /** How they are spoken to. */
  conventions: AgentConventions;
  close(): Promise<void>;
}

/**
 * Policies for the episodes of a batch. A model is loaded once and shared by all of them.
 *
 * @param asked the conventions that were asked for; what a model's file says counts before the defaults
 * @throws MaskwrightError INVALID_REQUEST where the two contradict each other, MODEL_MISSING, MODEL_UNREADABLE
 */
export async function policyFactory(
  spec: PolicySpec,
  asked: Partial<AgentConventions>,
  outDir: string,
): Promise<Policies> {
  switch (spec.kind) {
    case 'simulated':
      return {
        conventions: settleConventions({}, asked),
        policyFor: (target, groundTruth, seed) => {
          if (!groundTruth)
            throw new MaskwrightError('INVALID_REQUEST', `${target.key} has no ground truth.`);
          return simulatedAnnotator(groundTruth, { seed });
        },
        async close() {},
      };
    case 'replay':
      return replays(readTrajectories(spec.file), asked);
    case 'llama': {
      const { conventions } = await checkVisionModel(spec.model, spec.mmproj);
      return oneForAll(
        llamaCppPolicy({
          model: spec.model,
          mmproj: spec.mmproj,
          conventions,
          spawnModelChild: () => nodeModelChild(join(outDir, 'model-child.js')),
        }),
        asked,
      );
    }
    case 'openai':
      return oneForAll(
        openAiPolicy({
          baseUrl: spec.url,
          model: spec.model,
          apiKey: process.env.MASKWRIGHT_API_KEY ?? null,
        }),
        asked,
      );
    case 'none':
      throw new MaskwrightError('INVALID_REQUEST', 'A batch needs a policy.');
  }
}

function oneForAll(policy: Policy, asked: Partial<AgentConventions>): Policies {
  // Servers and runtimes differ in what they take as a seed; 31 bits suit all of them.
  return {
    conventions: settleConventions(policy.conventions ?? {}, asked),
    policyFor: (_target, _truth, seed) => sharedPolicy(policy, seed >>> 1),
    close: () => policy.close(),
  };
}

async function replays(
  trajectories: AsyncIterable<Trajectory>,
  asked: Partial<AgentConventions>,
): Promise<Policies> {
  const keyOf = (image: string, query: string): string => `${image}\n${query}`;
  const byHash = new Map<string, Trajectory>();
  const byName = new Map<string, Trajectory>();
  for await (const trajectory of trajectories) {
    const { image, query } = trajectory.header;
    byHash.set(keyOf(image.hash, query), trajectory);
    byName.set(keyOf(image.name, query), trajectory);
  }
  return {
    conventions: settleConventions({}, asked),
    policyFor: (target, _truth, _seed, imageHash) => {
      // The file's content first: names change, and two folders may have the same ones.
      const trajectory =
        byHash.get(keyOf(imageHash, target.query)) ?? byName.get(keyOf(target.fileName, target.query));
      if (trajectory) return replayPolicy(trajectory);
      throw new MaskwrightError(
        'NOT_FOUND',
        `No recorded trajectory for "${target.query}" on ${target.fileName}.`,
        {
          hint: 'A replay finds its recording by the image’s content, or else its name, and the query.',
        },
      );
    },
    async close() {},
  };
}
