import type { en } from '../en';
import { agent } from './agent';
import { app } from './app';
import { canvas } from './canvas';
import { category } from './category';
import { episode } from './episode';
import { exporting } from './exporting';
import { images } from './images';
import { jobs } from './jobs';
import { keys } from './keys';
import { models } from './models';
import { modes } from './modes';
import { objects } from './objects';
import { pages } from './pages';
import { polygon } from './polygon';
import { project } from './project';
import { query } from './query';
import { status } from './status';
import { tools } from './tools';
import { welcome } from './welcome';
import { zoom } from './zoom';

/** 简体中文。 */
export const zhCn: typeof en = {
  app,
  welcome,
  project,
  export: exporting,
  images,
  query,
  modes,
  models,
  agent,
  episode,
  objects,
  category,
  tools,
  pages,
  polygon,
  zoom,
  canvas,
  status,
  jobs,
  keys,
};
