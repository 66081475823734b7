import PencilRuler from '@lucide/svelte/icons/pencil-ruler';
import Settings from '@lucide/svelte/icons/settings';
import type { Component } from 'svelte';
import type { Page } from '../lib/page-names';
import SettingsPage from './settings/SettingsPage.svelte';

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
  { page: 'settings', icon: Settings, view: SettingsPage, always: true },
];
