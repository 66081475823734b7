import { datasetKinds } from '@engine/datasets';
import { trainingEngines } from '@shared/training/manifest';
import { defaultLearnableOptions } from '@shared/trajectory/learnable';
import { type Command, Option } from 'commander';
import { count, exitCodeHelp, imageCount, share } from '../arguments';
import { exportTrainingCommand, validateTrainingCommand } from '../export-training';
import { coordinatesOption, promptOption, viewPixelsOption } from './conventions';

export function addExportTraining(root: Command): void {
  root
    .command('export-training <form>')
    .description('Write trajectories as training rows of an engine: sft, preferences, rl-prompts.')
    .addOption(
      new Option('--engine <engine>', 'the engine that trains')
        .choices([...trainingEngines])
        .makeOptionMandatory(),
    )
    .option('--project <file>', 'trajectories and images of a project')
    .option('--trajectories <files...>', 'trajectories.jsonl of annotate, synthesize or export')
    .option('--images <dir>', 'folder of the images of --trajectories, or of --dataset')
    .option(
      '--dataset <kind:path>',
      `data set with the images of --trajectories, or the items of rl-prompts: ${datasetKinds.join(', ')}`,
    )
    .option('--split <name>', 'split of the data set')
    .option('--instances <file>', 'refcoco: COCO instances (default: instances.json beside the refs)')
    .option(
      '--limit <n>',
      'rl-prompts: at most so many items; ReasonScenes: 500 of a split unless it is given',
      count,
    )
    .addOption(coordinatesOption())
    .addOption(promptOption())
    .addOption(viewPixelsOption())
    .option('--turns <n>', 'rl-prompts: turn budget of the episodes', count, 8)
    .requiredOption(
      '--out <dir>',
      'folder to write into; made if missing, else empty or with an export that was stopped',
    )
    .option(
      '--observation-images <n>',
      'overlay images in a prompt beside the first image; all: none is dropped (default: as in the prompts that run)',
      imageCount,
    )
    .option(
      '--min-iou <share>',
      'leave out trajectories whose final IoU is known and lower',
      share,
      defaultLearnableOptions.minIou,
    )
    .option('--image-root <path>', 'put before the relative path of each image in the rows', '')
    .option('--overwrite', 'replace an earlier export in the folder')
    .option('--json', 'print the manifest as JSON')
    .addHelpText(
      'after',
      `
Forms:
  sft           conversations with tools and images; loss on what is to be imitated only
  preferences   pairs from forks: what took the place of an agent's call, and that call (not for verl)
  rl-prompts    the beginnings of episodes over a data set, with their masks (for verl and trl); the index of a row is
                the item's number in maskwright env --dataset with the same data set; accepted masks: project:FILE

Under loss is no turn that was rejected or undone, lowered the IoU, missed the target, changed nothing, was refused, or
that nobody judged. Such turns stay as context. A prompt is the very one that runs: its turns share a row as long as
none of its images is dropped.

Files: the rows (sft.jsonl, sft.parquet, …), images/HASH.png, sources.jsonl (where each row comes from), dropped.jsonl
(trajectories left out, and why), manifest.json (counts, options, hashes; written last).

Examples:
  maskwright export-training sft --engine ms-swift --trajectories run/trajectories.jsonl --images photos --out sft
  maskwright export-training preferences --engine trl --project work.maskwright --out dpo
  maskwright export-training rl-prompts --engine verl --dataset project:work.maskwright --out rl
  maskwright validate-training sft
${exitCodeHelp}`,
    )
    .action(exportTrainingCommand);

  root
    .command('validate-training <dir>')
    .description('Read an export of training data back and check every row and image of it.')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', exitCodeHelp)
    .action(validateTrainingCommand);
}
