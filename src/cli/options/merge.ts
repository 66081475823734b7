import type { Command } from 'commander';
import { exitCodeHelp } from '../arguments';
import { mergeCommand } from '../merge';

export function addMerge(root: Command): void {
  root
    .command('merge <dirs...>')
    .description('Make one run of the folders of its shards.')
    .requiredOption('--out <dir>', 'folder of the run; made if missing, added to if it holds this run')
    .option('--json', 'print the report as JSON: items, missing (shards that no folder holds)')
    .addHelpText(
      'after',
      `
The folders must hold shards of the same command. Afterwards that command, without --shard and with this --out, finds
their items done, does what is missing and writes the results: the same as if one process had done all.

Example, on two machines and then on one:
  maskwright annotate … --shard 1/2 --out first
  maskwright annotate … --shard 2/2 --out second
  maskwright merge first second --out result
  maskwright annotate … --keep-failed --out result
${exitCodeHelp}`,
    )
    .action(mergeCommand);
}
