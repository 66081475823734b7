import { mount } from 'svelte';
import App from '../App.svelte';
import { Workbench } from '../state/workbench.svelte';
import type { Host } from './host';

/** Puts the workbench on the page. */
export function start(host: Host): void {
  const target = document.getElementById('app');
  if (!target) throw new Error('The page has no #app.');
  mount(App, { target, props: { workbench: new Workbench(host) } });
}
