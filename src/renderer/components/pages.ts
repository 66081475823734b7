import Bot from '@lucide/svelte/icons/bot';
import ChartColumn from '@lucide/svelte/icons/chart-column';
import Download from '@lucide/svelte/icons/download';
import FolderInput from '@lucide/svelte/icons/folder-input';
import PencilRuler from '@lucide/svelte/icons/pencil-ruler';
import Settings from '@lucide/svelte/icons/settings';
import Tags from '@lucide/svelte/icons/tags';
import type { Component } from 'svelte';
import type { Page } from '../lib/page-names';
import ClassesPage from './classes/ClassesPage.svelte';
import ExportPage from './formats/ExportPage.svelte';
import ImportPage from './formats/ImportPage.svelte';
import RunsPage from './runs/RunsPage.svelte';
import SettingsPage from './settings/SettingsPage.svelte';
import StatisticsPage from './statistics/StatisticsPage.svelte';

export interface PageEntry {
  page: Page;
  icon: typeof PencilRuler;
  /** Null: the workbench. */
  view: Component | null;
  /** Also without a project. */
  always?: boolean;
}

/** The pages in the order of the rail. */
export const pages: readonly PageEntry[] = [
  { page: 'label', icon: PencilRuler, view: null, always: true },
  { page: 'runs', icon: Bot, view: RunsPage },
  { page: 'classes', icon: Tags, view: ClassesPage },
  { page: 'statistics', icon: ChartColumn, view: StatisticsPage },
  { page: 'import', icon: FolderInput, view: ImportPage },
  { page: 'export', icon: Download, view: ExportPage },
  { page: 'settings', icon: Settings, view: SettingsPage, always: true },
];
