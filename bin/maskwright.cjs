#!/usr/bin/env node
/** `npx maskwright …` in a checkout: installs and builds when that is due, then is the command line itself. */
const { ensureBuilt, ensureInstalled, inRoot, Problem } = require('../scripts/lib/prepare.cjs');

const say = (line) => process.stderr.write(`maskwright: ${line}\n`);
try {
  ensureInstalled(say);
  ensureBuilt(say);
} catch (error) {
  say(error instanceof Problem ? error.message : String(error));
  process.exit(3);
}
require(inRoot('out', 'main', 'cli.js'));
