import { z } from 'zod';
import { mergeRles, type Rle, rleArea, rleIou } from '../mask/rle';
import { toolNames } from '../tools/definitions';
import { authorSchema, type Outcome, verdictSchema } from '../trajectory/schema';

/**
 * What statistics want to know of one recorded episode. The bodies of trajectories are large; of each only this little is
 * kept.
 */

const maskSchema = z.object({ size: z.tuple([z.number(), z.number()]), counts: z.string() });

/** The part of a stored trajectory that is read here; the rest is passed over, which makes reading many bearable. */
export const recordedEpisodeSchema = z.object({
  header: z.object({
    createdAt: z.string(),
    policy: z.object({ kind: z.string(), name: z.string() }),
    image: z.object({ width: z.number(), height: z.number() }),
  }),
  nodes: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullable(),
      author: authorSchema,
      call: z.object({ name: z.string() }).nullable(),
      observation: z.object({ objects: z.array(z.object({ mask: maskSchema.nullable() })) }).nullable(),
      invalid: z.string().nullable(),
      timings: z.object({ policyMs: z.number(), environmentMs: z.number() }),
      at: z.string(),
    }),
  ),
  verdicts: z.array(verdictSchema.pick({ node: true, verdict: true, by: true, at: true, reason: true })),
});
export type RecordedEpisode = z.infer<typeof recordedEpisodeSchema>;
type RecordedNode = RecordedEpisode['nodes'][number];

/** An answer without a call has no tool; `unknown` is a name that no tool has. */
export const callToolSchema = z.enum([...toolNames, 'unknown', 'none']);
export type CallTool = z.infer<typeof callToolSchema>;

/** What became of a call by the last verdict about it; `undecided` where nobody said anything. */
export const fateSchema = z.enum(['accepted', 'corrected', 'rejected', 'undecided']);
export type Fate = z.infer<typeof fateSchema>;

export interface CallFact {
  author: RecordedNode['author'];
  tool: CallTool;
  fate: Fate;
  invalid: boolean;
}

export interface EpisodeFacts {
  id: string;
  imageId: string;
  runId: string | null;
  policy: { kind: string; name: string };
  status: Outcome['status'];
  /** Name given at acceptance, and the category that the annotations have now. */
  category: { id: number | null; name: string | null };
  createdAt: string;
  /** When it was accepted or rejected; null while it is open. */
  settledAt: string | null;
  calls: CallFact[];
  /** Turns that ran, on all branches. */
  turns: { agent: number; person: number; simulator: number };
  /** Accepted masks. */
  objects: number;
  /** IoU of the last mask that the agent alone reached with the accepted one; null where either is missing. */
  proposalIou: number | null;
  time: EpisodeTime;
}

export interface EpisodeTime {
  /** Milliseconds in which policy and segmenter worked on the agent's turns. */
  agentMs: number;
  /** Milliseconds before the person's acts, pauses left out; null when there is no such time to tell. */
  personMs: number | null;
  /** Pauses longer than the limit. */
  pauses: number;
}

/** A longer silence before an act of the person is a pause: it says nothing about the work. */
export const pauseMs = 120_000;

export interface EpisodeInput {
  id: string;
  imageId: string;
  runId: string | null;
  episode: RecordedEpisode;
  outcome: Pick<Outcome, 'status' | 'masks' | 'category'>;
  settledAt: string | null;
  /** The annotations that it made, as they are now; empty when they were deleted or never were. */
  annotations: readonly { categoryId: number; mask: Rle }[];
}

export function factsOf(input: EpisodeInput): EpisodeFacts {
  const { id, imageId, runId, episode, outcome, settledAt, annotations } = input;
  const isAccepted = outcome.status === 'accepted';
  const masks = annotations.length > 0 ? annotations.map(({ mask }) => mask) : outcome.masks;
  const run = episode.nodes.filter((node) => node.observation !== null);
  const turnsBy = (author: RecordedNode['author']): number =>
    run.filter((node) => node.author === author).length;
  return {
    id,
    imageId,
    runId,
    policy: { kind: episode.header.policy.kind, name: episode.header.policy.name },
    status: outcome.status,
    category: { id: annotations[0]?.categoryId ?? null, name: outcome.category },
    createdAt: episode.header.createdAt,
    settledAt,
    calls: callsOf(episode),
    turns: { agent: turnsBy('agent'), person: turnsBy('human'), simulator: turnsBy('simulator') },
    objects: isAccepted ? outcome.masks.length : 0,
    proposalIou: isAccepted ? proposalIou(episode, masks) : null,
    time: timeOf(episode, settledAt),
  };
}

function callsOf({ nodes, verdicts }: RecordedEpisode): CallFact[] {
  const standing = standingVerdicts(verdicts);
  return nodes.map((node) => {
    const verdict = standing.get(node.id)?.at(-1) ?? 'proposed';
    return {
      author: node.author,
      tool: toolOf(node),
      fate: verdict === 'proposed' ? 'undecided' : verdict,
      invalid: node.invalid !== null,
    };
  });
}

/** The verdicts of each node without those that an undo took back: it is recorded as a verdict too, with its reason. */
function standingVerdicts(
  verdicts: RecordedEpisode['verdicts'],
): Map<string, RecordedEpisode['verdicts'][number]['verdict'][]> {
  const standing = new Map<string, RecordedEpisode['verdicts'][number]['verdict'][]>();
  for (const { node, verdict, reason } of verdicts) {
    const known = standing.get(node) ?? [];
    standing.set(node, known);
    if (reason === 'undone') known.length = 0;
    else if (reason === 'correction undone') known.pop();
    else known.push(verdict);
  }
  return standing;
}

function toolOf({ call }: RecordedNode): CallTool {
  if (call === null) return 'none';
  return toolNames.find((name) => name === call.name) ?? 'unknown';
}

/** The masks of the last of the agent's turns that ran and has nobody else's turn before it; null when the agent reached none. */
export function agentsOwnMasks({ nodes }: RecordedEpisode): Rle[] | null {
  const own = new Set<string>();
  let masks: Rle[] | null = null;
  for (const node of nodes) {
    if (node.author !== 'agent' || (node.parent !== null && !own.has(node.parent))) continue;
    own.add(node.id);
    const found = (node.observation?.objects ?? []).flatMap(({ mask }) => (mask === null ? [] : [mask]));
    const visible = found.filter((mask) => rleArea(mask) > 0);
    if (visible.length > 0) masks = visible;
  }
  return masks;
}

function proposalIou(episode: RecordedEpisode, accepted: readonly Rle[]): number | null {
  const proposed = agentsOwnMasks(episode);
  if (proposed === null || accepted.length === 0) return null;
  const a = mergeRles(proposed, 'union');
  const b = mergeRles(accepted, 'union');
  // An image that was replaced by one of another size.
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) return null;
  return rleIou(a, b);
}

/**
 * Every moment of the record ends a stretch of time. One that ends in an act of the person (a call, a verdict, the
 * decision) is the person's, less what the machine says it needed itself.
 */
function timeOf({ header, nodes, verdicts }: RecordedEpisode, settledAt: string | null): EpisodeTime {
  const moments: { at: number; isPersons: boolean; machineMs: number }[] = [];
  let agentMs = 0;
  for (const node of nodes) {
    const machineMs = node.timings.policyMs + node.timings.environmentMs;
    const isPersons = node.author === 'human';
    if (node.author === 'agent') agentMs += machineMs;
    moments.push({ at: Date.parse(node.at), isPersons, machineMs });
  }
  for (const { at, by } of verdicts) {
    moments.push({ at: Date.parse(at), isPersons: by === 'human', machineMs: 0 });
  }
  if (settledAt !== null) moments.push({ at: Date.parse(settledAt), isPersons: true, machineMs: 0 });
  moments.sort((a, b) => a.at - b.at);
  let before = Date.parse(header.createdAt);
  let personMs = 0;
  let known = false;
  let pauses = 0;
  for (const { at, isPersons, machineMs } of moments) {
    const gap = Math.max(0, at - before - machineMs);
    before = Math.max(before, at);
    if (!isPersons) continue;
    if (gap > pauseMs) pauses += 1;
    else {
      personMs += gap;
      known = true;
    }
  }
  return { agentMs, personMs: known && personMs > 0 ? personMs : null, pauses };
}
