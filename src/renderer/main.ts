import './styles/tokens.css';
import './styles/base.css';
import { start } from './lib/start';
import { connectHost } from './lib/host';

start(connectHost());
