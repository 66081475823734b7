import type { InsightFilter, InsightSummary } from '../contract/insight';
import type { Author } from '../trajectory/schema';
import { dayIn, daysBetween } from './days';
import { type CallTool, type EpisodeFacts, pauseMs } from './episode-facts';
import { meanOf, shareOf } from './intervals';
import { drawingTimes, imageStates, type JournalEntry, movements, standingMarks } from './journal-facts';

/** Everything that the summary is made of; all in memory, but small. */
export interface InsightRecord {
  episodes: readonly EpisodeFacts[];
  unreadable: number;
  journal: readonly JournalEntry[];
  /** Images in each state, now. */
  now: { todo: number; review: number; done: number };
  categories: readonly { id: number; name: string }[];
  runs: readonly { id: string; label: string }[];
}

export interface SummaryOptions {
  filter: InsightFilter;
  timeZone: string;
  /** The present moment, ISO 8601: the last day of the progress. */
  now: string;
}

const longestDays = 366;

/** Key of a policy: its kind and its name, as the trajectory's header has them. */
export function policyKey({ kind, name }: { kind: string; name: string }): string {
  return `${kind}: ${name}`;
}

export function summarise(record: InsightRecord, options: SummaryOptions): InsightSummary {
  const { filter, timeZone, now } = options;
  const dayOf = dayIn(timeZone);
  const inPeriod = (at: string): boolean => {
    const day = dayOf(at);
    return (filter.from === null || day >= filter.from) && (filter.to === null || day <= filter.to);
  };
  const names = new Map(record.categories.map(({ id, name }) => [id, name]));
  const filtered = record.episodes.filter(
    (episode) =>
      inPeriod(episode.settledAt ?? episode.createdAt) &&
      (filter.categoryId === null || categoryIdOf(episode, record.categories) === filter.categoryId) &&
      (filter.policy === null || policyKey(episode.policy) === filter.policy) &&
      (filter.runId === null || episode.runId === filter.runId),
  );
  const accepted = filtered.filter(({ status }) => status === 'accepted');
  const rejected = filtered.filter(({ status }) => status === 'rejected').length;
  return {
    progress: { now: record.now, days: progressDays(record, filter, dayOf, dayOf(now)) },
    choices: choicesOf(record),
    episodes: {
      all: filtered.length,
      accepted: accepted.length,
      rejected,
      waiting: filtered.length - accepted.length - rejected,
      unreadable: record.unreadable,
    },
    time: timeOf(accepted, record.journal, filter, inPeriod),
    turns: turnsOf(accepted),
    calls: callsOf(filtered),
    proposals: proposalsOf(accepted, names, dayOf),
  };
}

/** Whether the agent made a call, be it one that never ran. */
function hadAgent({ calls }: EpisodeFacts): boolean {
  return calls.some(({ author }) => author === 'agent');
}

/** Whether nobody but the person made calls. */
function wasAlone({ calls }: EpisodeFacts): boolean {
  return calls.every(({ author }) => author === 'human');
}

/** The class that the annotations have now, else the one whose name was given at acceptance. */
function categoryIdOf(episode: EpisodeFacts, categories: InsightRecord['categories']): number | null {
  const { id, name } = episode.category;
  return id ?? categories.find((category) => category.name === name)?.id ?? null;
}

function choicesOf({ episodes, runs }: InsightRecord): InsightSummary['choices'] {
  const policies = new Map<string, InsightSummary['choices']['policies'][number]>();
  const byRun = new Map<string, number>();
  for (const { policy, runId } of episodes) {
    const key = policyKey(policy);
    const known = policies.get(key) ?? { key, ...policy, episodes: 0 };
    policies.set(key, { ...known, episodes: known.episodes + 1 });
    if (runId !== null) byRun.set(runId, (byRun.get(runId) ?? 0) + 1);
  }
  return {
    policies: [...policies.values()].sort((a, b) => b.episodes - a.episodes),
    runs: runs.flatMap(({ id, label }) => {
      const count = byRun.get(id);
      return count === undefined ? [] : [{ runId: id, label, episodes: count }];
    }),
  };
}

/**
 * States at the end of each day, counted back from now: what the journal does not hold (an import, a batch's results)
 * counts as having been so from the start.
 */
function progressDays(
  record: InsightRecord,
  filter: InsightFilter,
  dayOf: (at: string) => string,
  today: string,
): InsightSummary['progress']['days'] {
  const marks = standingMarks(record.journal).map(({ at, facts }) => ({ day: dayOf(at), facts }));
  const moves = movements(record.journal).map(({ at, moved }) => ({ day: dayOf(at), moved }));
  const first = [...marks, ...moves].reduce((least, { day }) => (day < least ? day : least), today);
  const days = daysBetween(filter.from ?? first, filter.to !== null && filter.to < today ? filter.to : today);
  const shown = days.slice(-longestDays);
  const byDay = new Map(
    shown.map((day) => [day, { day, ...record.now, accepted: 0, rejected: 0, drawn: 0, changed: 0 }]),
  );
  for (const { day, facts } of marks) {
    const entry = byDay.get(day);
    if (!entry) continue;
    entry.accepted += facts.accepted;
    entry.rejected += facts.rejected;
    entry.drawn += facts.drawn;
    entry.changed += facts.changed;
  }
  const state = { ...record.now };
  let next = moves.length - 1;
  for (const day of [...shown].reverse()) {
    for (; next >= 0; next--) {
      const move = moves[next];
      if (!move || move.day <= day) break;
      for (const name of imageStates) state[name] -= move.moved[name];
    }
    const entry = byDay.get(day);
    if (entry) for (const name of imageStates) entry[name] = Math.max(0, state[name]);
  }
  return [...byDay.values()];
}

function timeOf(
  accepted: readonly EpisodeFacts[],
  journal: readonly JournalEntry[],
  filter: InsightFilter,
  inPeriod: (at: string) => boolean,
): InsightSummary['time'] {
  const objects = accepted.filter((episode) => episode.objects > 0);
  const seconds = (ms: number, episode: EpisodeFacts): number => ms / 1000 / episode.objects;
  const persons = (episodes: readonly EpisodeFacts[]): number[] =>
    episodes.flatMap((episode) =>
      episode.time.personMs === null ? [] : [seconds(episode.time.personMs, episode)],
    );
  const withAgent = objects.filter(hadAgent);
  const together = persons(withAgent);
  const byHand = objects.filter(wasAlone);
  const alone = persons(byHand);
  // What is drawn by hand has no policy and belongs to no run.
  const concernsDrawn = filter.policy === null && filter.runId === null;
  const drawn = concernsDrawn
    ? drawingTimes(journal).filter(
        ({ at, categoryId }) =>
          inPeriod(at) && (filter.categoryId === null || categoryId === filter.categoryId),
      )
    : [];
  const known = drawn.flatMap(({ ms }) => (ms === null ? [] : [ms / 1000]));
  return {
    pauseSeconds: pauseMs / 1000,
    together: meanOf(together),
    alone: meanOf(alone),
    unknown: withAgent.length + byHand.length - together.length - alone.length,
    agent: meanOf(withAgent.map((episode) => seconds(episode.time.agentMs, episode))),
    drawn: meanOf(known),
    drawnUnknown: drawn.length - known.length,
  };
}

function turnsOf(accepted: readonly EpisodeFacts[]): InsightSummary['turns'] {
  // What a simulator did is nobody's work.
  const objects = accepted.filter((episode) => episode.objects > 0 && episode.turns.simulator === 0);
  const each = (turns: (episode: EpisodeFacts) => number) =>
    meanOf(objects.map((episode) => turns(episode) / episode.objects));
  return {
    all: each(({ turns }) => turns.agent + turns.person),
    agent: each(({ turns }) => turns.agent),
    person: each(({ turns }) => turns.person),
  };
}

function callsOf(episodes: readonly EpisodeFacts[]): InsightSummary['calls'] {
  const empty = { all: 0, undecided: 0, accepted: 0, corrected: 0, rejected: 0, invalid: 0 };
  const groups = new Map<string, { author: Author; tool: CallTool; counts: typeof empty }>();
  for (const { calls } of episodes) {
    for (const { author, tool, fate, invalid } of calls) {
      const key = `${author} ${tool}`;
      const group = groups.get(key) ?? { author, tool, counts: { ...empty } };
      groups.set(key, group);
      group.counts.all += 1;
      group.counts[fate] += 1;
      if (invalid) group.counts.invalid += 1;
    }
  }
  return [...groups.values()]
    .sort((a, b) => a.author.localeCompare(b.author) || b.counts.all - a.counts.all)
    .map(({ author, tool, counts }) => {
      const decided = counts.all - counts.undecided;
      return {
        author,
        tool,
        all: counts.all,
        undecided: counts.undecided,
        accepted: shareOf(counts.accepted, decided),
        corrected: shareOf(counts.corrected, decided),
        rejected: shareOf(counts.rejected, decided),
        invalid: shareOf(counts.invalid, counts.all),
      };
    });
}

function proposalsOf(
  accepted: readonly EpisodeFacts[],
  names: ReadonlyMap<number, string>,
  dayOf: (at: string) => string,
): InsightSummary['proposals'] {
  const withMasks = accepted.filter((episode) => episode.objects > 0);
  const known = withMasks.flatMap((episode) =>
    episode.proposalIou === null ? [] : [{ episode, iou: episode.proposalIou }],
  );
  const className = ({ category: { id, name } }: EpisodeFacts): string =>
    (id === null ? undefined : names.get(id)) ?? name ?? '';
  const group = <Key>(keyOf: (episode: EpisodeFacts) => Key): Map<Key, number[]> => {
    const groups = new Map<Key, number[]>();
    for (const { episode, iou } of known) {
      const key = keyOf(episode);
      const list = groups.get(key);
      if (list) list.push(iou);
      else groups.set(key, [iou]);
    }
    return groups;
  };
  const policies = new Map(known.map(({ episode }) => [policyKey(episode.policy), episode.policy]));
  const ids = new Map([...names].map(([id, name]) => [name, id]));
  return {
    iou: meanOf(known.map(({ iou }) => iou)),
    untouched: shareOf(known.filter(({ iou }) => iou === 1).length, known.length),
    without: withMasks.filter((episode) => episode.proposalIou === null && hadAgent(episode)).length,
    byDay: [...group((episode) => dayOf(episode.settledAt ?? episode.createdAt))]
      .map(([day, ious]) => ({ day, ...meanOf(ious) }))
      .sort((a, b) => a.day.localeCompare(b.day)),
    byClass: [...group(className)]
      .map(([name, ious]) => ({ name, categoryId: ids.get(name) ?? null, ...meanOf(ious) }))
      .sort((a, b) => b.n - a.n || a.name.localeCompare(b.name)),
    byPolicy: [...group((episode) => policyKey(episode.policy))]
      .map(([key, ious]) => {
        const { kind, name } = policies.get(key) ?? { kind: '', name: key };
        return { key, kind, name, ...meanOf(ious) };
      })
      .sort((a, b) => b.n - a.n),
  };
}
