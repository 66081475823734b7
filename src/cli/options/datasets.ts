import { datasetKinds } from '@engine/datasets';
import { type Command, Option } from 'commander';
import { count, countFromZero, exitCodeHelp } from '../arguments';
import { datasetsCommand } from '../datasets';

export function addDatasets(root: Command): void {
  root
    .command('datasets <kind:path>')
    .description(
      'Look into a data set: how many targets of which splits and groups, and what cannot be used.',
    )
    .option('--split <name>', 'split of the data set (default: all)')
    .option('--images <dir>', 'folder of its images (default: where the data set has them)')
    .option('--instances <file>', 'refcoco: COCO instances (default: instances.json beside the refs)')
    .option('--split-by <name>', 'refcoco: unc, google or umd, where a folder has several files of refs')
    .addOption(
      new Option('--sentences <which>', 'refcoco, reasonseg: texts of an entry that become targets')
        .choices(['first', 'all'])
        .default('first'),
    )
    .option('--queries <file>', 'folder: image and query pairs (default: queries.json, .jsonl, .csv … in it)')
    .option('--limit <n>', 'at most so many targets', count)
    .option('--show <n>', 'targets that are listed', countFromZero, 5)
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Kinds: ${datasetKinds.join(', ')}. Layouts and what is skipped: docs/datasets.md

Examples:
  maskwright datasets reasonseg:ReasonSeg --split val
  maskwright datasets refcoco:refer_seg/refcoco+ --split testA --sentences all
  maskwright datasets coco:coco --split val2017 --limit 100 --json
${exitCodeHelp}`,
    )
    .action(datasetsCommand);
}
