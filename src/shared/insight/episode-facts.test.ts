import { describe, expect, it } from 'vitest';
import { encodeMask, type Rle } from '../mask/rle';
import { agentsOwnMasks, type EpisodeInput, factsOf, type RecordedEpisode } from './episode-facts';

const size = { width: 10, height: 10 };
/** The first `columns` columns of a 10 × 10 image. */
const columns = (count: number): Rle =>
  encodeMask({ ...size, data: Uint8Array.from({ length: 100 }, (_, i) => (i % 10 < count ? 1 : 0)) });

const start = Date.parse('2026-03-01T10:00:00.000Z');
const later = (seconds: number): string => new Date(start + seconds * 1000).toISOString();

type Node = RecordedEpisode['nodes'][number];
const node = (id: string, parent: string | null, change: Partial<Node> = {}): Node => ({
  id,
  parent,
  author: 'agent',
  call: { name: 'segment_box' },
  observation: { objects: [{ mask: columns(5) }] },
  invalid: null,
  timings: { policyMs: 0, environmentMs: 0 },
  at: later(0),
  ...change,
});

const episodeOf = (nodes: Node[], verdicts: RecordedEpisode['verdicts'] = []): RecordedEpisode => ({
  header: { createdAt: later(0), policy: { kind: 'test', name: 'agent' }, image: size },
  nodes,
  verdicts,
});

const accepted = (episode: RecordedEpisode, mask: Rle, more: Partial<EpisodeInput> = {}): EpisodeInput => ({
  id: 't',
  imageId: 'i',
  runId: null,
  episode,
  outcome: { status: 'accepted', masks: [mask], category: 'cup' },
  settledAt: later(60),
  annotations: [{ categoryId: 7, mask }],
  ...more,
});

describe("the agent's proposal", () => {
  it('is the last mask that it reached without a person', () => {
    const episode = episodeOf([
      node('n1', null, { observation: { objects: [{ mask: columns(3) }] } }),
      node('n2', 'n1', { observation: { objects: [{ mask: columns(4) }] } }),
      node('n3', 'n1', { author: 'human', observation: { objects: [{ mask: columns(8) }] } }),
      // The agent went on from the person's turn: no longer alone.
      node('n4', 'n3', { observation: { objects: [{ mask: columns(9) }] } }),
    ]);
    expect(agentsOwnMasks(episode)).toEqual([columns(4)]);
    expect(factsOf(accepted(episode, columns(8))).proposalIou).toBe(0.5);
  });

  it('is nothing where it only proposed a call that never ran, or reached an empty mask', () => {
    const ghost = node('n1', null, { observation: null });
    const blank = node('n2', null, { observation: { objects: [{ mask: columns(0) }, { mask: null }] } });
    const mine = node('n3', null, { author: 'human' });
    expect(agentsOwnMasks(episodeOf([ghost, blank, mine]))).toBeNull();
    expect(factsOf(accepted(episodeOf([ghost, blank, mine]), columns(5))).proposalIou).toBeNull();
  });

  it('is compared with the annotations as they are now, edits included, and as a union', () => {
    const episode = episodeOf([node('n1', null)]);
    const edited = factsOf(
      accepted(episode, columns(5), {
        annotations: [
          { categoryId: 7, mask: columns(2) },
          { categoryId: 7, mask: columns(10) },
        ],
      }),
    );
    expect(edited.proposalIou).toBe(0.5);
    const deleted = factsOf(accepted(episode, columns(4), { annotations: [] }));
    expect(deleted.proposalIou).toBe(0.8);
    expect(deleted.category).toEqual({ id: null, name: 'cup' });
  });

  it('is compared with nothing while the episode is open, or when there is no target', () => {
    const episode = episodeOf([node('n1', null)]);
    const open = accepted(episode, columns(5), { outcome: { status: 'open', masks: [], category: null } });
    expect(factsOf(open).proposalIou).toBeNull();
    const none = accepted(episode, columns(5), {
      outcome: { status: 'accepted', masks: [], category: 'cup' },
      annotations: [],
    });
    expect(factsOf(none)).toMatchObject({ proposalIou: null, objects: 0 });
  });
});

describe('calls and turns', () => {
  it('take the last verdict, and know answers without a call and names of no tool', () => {
    const verdict = (
      id: string,
      kind: 'accepted' | 'corrected' | 'rejected' | 'proposed',
      reason: string | null = null,
    ) => ({
      node: id,
      verdict: kind,
      by: 'human' as const,
      at: later(1),
      reason,
    });
    const { calls, turns } = factsOf(
      accepted(
        episodeOf(
          [
            node('n1', null),
            node('n2', null, { call: null, invalid: 'no call' }),
            node('n3', null, { call: { name: 'paint' }, observation: null }),
            node('n4', null, { author: 'human', call: { name: 'add_point' } }),
            node('n5', null, { author: 'simulator', call: { name: 'finish' } }),
          ],
          [
            verdict('n1', 'accepted'),
            verdict('n1', 'rejected'),
            verdict('n3', 'corrected'),
            verdict('n5', 'proposed'),
          ],
        ),
        columns(5),
      ),
    );
    expect(calls).toEqual([
      { author: 'agent', tool: 'segment_box', fate: 'rejected', invalid: false },
      { author: 'agent', tool: 'none', fate: 'undecided', invalid: true },
      { author: 'agent', tool: 'unknown', fate: 'corrected', invalid: false },
      { author: 'human', tool: 'add_point', fate: 'undecided', invalid: false },
      { author: 'simulator', tool: 'finish', fate: 'undecided', invalid: false },
    ]);
    expect(turns).toEqual({ agent: 2, person: 1, simulator: 1 });
  });
});

describe('time', () => {
  it("is the person's between the moments of the record, less what the machine needed", () => {
    const { time } = factsOf(
      accepted(
        episodeOf([
          // Thought for 8 s; the person then clicked after 10 s, of which the segmenter took 1.
          node('n1', null, { at: later(8), timings: { policyMs: 7000, environmentMs: 1000 } }),
          node('n2', 'n1', {
            author: 'human',
            at: later(18),
            timings: { policyMs: 0, environmentMs: 1000 },
          }),
        ]),
        columns(5),
        { settledAt: later(20) },
      ),
    );
    expect(time).toEqual({ agentMs: 8000, personMs: 11_000, pauses: 0 });
  });

  it('leaves pauses out, and is not known where there was nothing else', () => {
    const episode = episodeOf([node('n1', null, { at: later(1) })]);
    expect(factsOf(accepted(episode, columns(5), { settledAt: later(3600) })).time).toEqual({
      agentMs: 0,
      personMs: null,
      pauses: 1,
    });
    const visit = episodeOf([
      node('n1', null, { at: later(1) }),
      node('n2', 'n1', { author: 'human', at: later(7200) }),
    ]);
    expect(factsOf(accepted(visit, columns(5), { settledAt: later(7204) })).time).toEqual({
      agentMs: 0,
      personMs: 4000,
      pauses: 1,
    });
  });

  it('leave out what an undo took back', () => {
    const verdict = (node: string, kind: 'accepted' | 'corrected' | 'rejected', reason: string | null) => ({
      node,
      verdict: kind,
      by: 'human' as const,
      at: later(1),
      reason,
    });
    const { calls } = factsOf(
      accepted(
        episodeOf(
          [node('n1', null), node('n2', 'n1'), node('n3', 'n2')],
          [
            verdict('n1', 'accepted', null),
            verdict('n1', 'rejected', 'undone'),
            verdict('n2', 'accepted', null),
            verdict('n2', 'corrected', 'too large'),
            verdict('n2', 'accepted', 'correction undone'),
            verdict('n3', 'corrected', null),
            verdict('n3', 'accepted', 'correction undone'),
          ],
        ),
        columns(5),
      ),
    );
    expect(calls.map(({ fate }) => fate)).toEqual(['undecided', 'accepted', 'undecided']);
  });
});
