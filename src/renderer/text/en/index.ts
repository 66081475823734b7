import { agent } from './agent';
import { app } from './app';
import { basic } from './basic';
import { canvas } from './canvas';
import { category } from './category';
import { classes } from './classes';
import { editing } from './editing';
import { episode } from './episode';
import { errors } from './errors';
import { exporting } from './exporting';
import { formats } from './formats';
import { help } from './help';
import { history } from './history';
import { images } from './images';
import { jobs } from './jobs';
import { keys } from './keys';
import { live } from './live';
import { models } from './models';
import { modes } from './modes';
import { objects } from './objects';
import { pages } from './pages';
import { palette } from './palette';
import { polygon } from './polygon';
import { project } from './project';
import { query } from './query';
import { review } from './review';
import { runs } from './runs';
import { settings } from './settings';
import { statistics } from './statistics';
import { status } from './status';
import { timeline } from './timeline';
import { tools } from './tools';
import { tour } from './tour';
import { welcome } from './welcome';
import { zoom } from './zoom';

/** The texts of the interface in English. The other languages have the same shape. */
export const en = {
  app,
  welcome,
  project,
  errors,
  export: exporting,
  formats,
  history,
  images,
  query,
  modes,
  models,
  basic,
  agent,
  timeline,
  episode,
  objects,
  category,
  classes,
  tools,
  pages,
  polygon,
  editing,
  zoom,
  canvas,
  statistics,
  status,
  jobs,
  runs,
  review,
  keys,
  live,
  help,
  palette,
  settings,
  tour,
};
