import type { ImageSummary } from '@shared/contract/methods';
import { commands } from '../../commands';
import { isAvailable } from '../../commands/command';
import { fuzzyScore } from '../../lib/fuzzy';
import { text } from '../../lib/text';
import { helpTopics, settingsSections } from '../../state/app.svelte';
import { keys } from '../../state/keys.svelte';
import type { Workbench } from '../../state/workbench.svelte';

export interface PaletteEntry {
  id: string;
  kind: keyof typeof text.palette.kinds;
  title: string;
  detail: string;
  /** As `Command.keys`; null: none. */
  key: string | null;
  enabled: boolean;
  run(): void;
}

/** Everything but images that can be reached by name. */
export function entriesOf(workbench: Workbench): PaletteEntry[] {
  const { app, project } = workbench;
  return [
    ...commands
      .filter(({ id }) => id !== 'go.palette')
      .map((command): PaletteEntry => {
        const enabled = isAvailable(command, workbench);
        return {
          id: command.id,
          kind: 'command',
          title: command.title,
          detail: enabled ? text.keys.groups[command.group] : text.palette.notNow,
          key: keys.of(command)[0] ?? null,
          enabled,
          run: () => command.run(workbench),
        };
      }),
    ...project.categories.map(
      (category): PaletteEntry => ({
        id: `category ${category.id}`,
        kind: 'category',
        title: text.palette.useClass(category.name),
        detail: text.palette.kinds.category,
        key: null,
        enabled: true,
        run: () => {
          project.categoryId = category.id;
        },
      }),
    ),
    ...settingsSections.map(
      (section): PaletteEntry => ({
        id: `settings ${section}`,
        kind: 'setting',
        title: `${text.settings.title}: ${text.settings.sections[section]}`,
        detail: text.palette.kinds.setting,
        key: null,
        enabled: true,
        run: () => app.openSettings(section),
      }),
    ),
    ...project.recent.map(
      ({ location, name }): PaletteEntry => ({
        id: `project ${location}`,
        kind: 'project',
        title: name,
        detail: location,
        key: null,
        enabled: !project.opening && location !== project.current?.location,
        run: () => void project.open(location),
      }),
    ),
    ...helpTopics.map(
      (topic): PaletteEntry => ({
        id: `help ${topic}`,
        kind: 'help',
        title: `${text.help.title}: ${text.help.topics[topic].title}`,
        detail: text.palette.kinds.help,
        key: null,
        enabled: true,
        run: () => app.openHelp(topic),
      }),
    ),
  ];
}

export function imageEntry(image: ImageSummary, show: () => void): PaletteEntry {
  return {
    id: `image ${image.id}`,
    kind: 'image',
    title: image.name,
    detail: text.images.states[image.state],
    key: null,
    enabled: true,
    run: show,
  };
}

const shownAtMost = 60;

/** What fits the typed text, best first; with nothing typed, what was used last comes first. */
export function ranked(
  entries: readonly PaletteEntry[],
  typed: string,
  recent: readonly string[],
): PaletteEntry[] {
  const found = entries.flatMap((entry) => {
    const score = fuzzyScore(typed.trim(), entry.title);
    if (score === null) return [];
    const place = recent.indexOf(entry.id);
    return [{ entry, score, place: place < 0 ? recent.length : place }];
  });
  // The best fit counts most, then what can be done now, then what was used last.
  found.sort(
    (a, b) =>
      (typed.trim() === '' ? 0 : Math.round((b.score - a.score) / 100)) ||
      Number(b.entry.enabled) - Number(a.entry.enabled) ||
      a.place - b.place ||
      b.score - a.score,
  );
  return found.slice(0, shownAtMost).map(({ entry }) => entry);
}
