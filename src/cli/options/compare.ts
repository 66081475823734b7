import type { Command } from 'commander';
import { exitCodeHelp, integer } from '../arguments';
import { compareCommand } from '../compare';

export function addCompare(root: Command): void {
  root
    .command('compare <a> <b>')
    .description('Compare two evaluations of the same samples: B against A, with paired intervals.')
    .option('--common', 'where the runs have different samples, compare those that both have')
    .option('--seed <n>', 'seed of the intervals', integer, 0)
    .option('--json', 'print the comparison as JSON')
    .option('--out <file>', 'write it as a page too (HTML)')
    .addHelpText(
      'after',
      `
Intervals are drawn by pairs of samples, so what makes a sample hard for both runs does not widen them. A difference
whose interval excludes 0 is not chance, as far as the samples stand for others.

Example:
  maskwright compare before after --out compared.html
${exitCodeHelp}`,
    )
    .action(compareCommand);
}
