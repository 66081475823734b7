import './styles/tokens.css';
import './styles/base.css';
import { connectHost } from './lib/host';
import { start } from './lib/start';

start(connectHost());
