import '../styles/tokens.css';
import '../styles/base.css';
import { download } from '../lib/host';
import { start } from '../lib/start';
import { fakeConnection } from './fake-client';

start({ connection: fakeConnection(), pickers: null, saveFile: download, onMenu: () => () => undefined });
