import { availableParallelism } from 'node:os';
import { datasetKinds } from '@engine/datasets';
import { type Command, Option } from 'commander';
import { count, countFromZero, exitCodeHelp, integer, shard, share } from '../arguments';
import { synthesizeCommand } from '../synthesize';
import { coordinatesOption, promptOption, viewPixelsOption } from './conventions';

export function addSynthesize(root: Command): void {
  root
    .command('synthesize')
    .description(
      'Make trajectories for training from a data set with ground truth: episodes, filters, thoughts.',
    )
    .requiredOption('--dataset <kind[:path]>', `data set: ${datasetKinds.join(', ')}`)
    .option('--split <name>', 'split of the data set (default: all)')
    .option('--images <dir>', 'folder of its images (default: where the data set has them)')
    .option('--instances <file>', 'refcoco: the COCO instances (default: beside the refs)')
    .option('--limit <n>', 'only so many targets, from the first on', count)
    .option('--per-target <n>', 'episodes of each target', count, 1)
    .option(
      '--policy <policy>',
      'simulated | openai:URL[#MODEL] (a teacher) | llama:MODEL.gguf[,MMPROJ.gguf]',
      'simulated',
    )
    .option('--mix <json>', 'simulated: how its episodes differ; JSON, or a file of it')
    .option('--rewrite-thoughts <teacher>', 'openai:URL[#MODEL] writes the thoughts of what is kept')
    .addOption(coordinatesOption())
    .addOption(promptOption())
    .addOption(viewPixelsOption())
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .addOption(
      new Option('--concurrency <n>', 'episodes at the same time')
        .argParser(count)
        .default(Math.max(2, availableParallelism()), 'as many as cores, at least 2'),
    )
    .option('--seed <n>', 'seed of everything random; an episode’s own is made of it and its key', integer, 0)
    .option('--min-iou <x>', 'filter: least final IoU', share, 0.7)
    .option('--min-gain <x>', 'filter: least final IoU for each call that segmented', share, 0.12)
    .option('--max-invalid <n>', 'filter: most invalid calls', countFromZero, 1)
    .option('--keep-truncated', 'keep episodes that ran out of turns')
    .option('--max-tools-share <x>', 'balance: most episodes with the same set of tools', share, 0.6)
    .option('--max-length-share <x>', 'balance: most episodes with the same number of turns', share, 0.5)
    .option('--shard <i/n>', 'only every n-th episode, from the i-th on; shards are merged', shard)
    .option('--keep-failed', 'resume without trying failed episodes again')
    .requiredOption(
      '--out <dir>',
      'folder for trajectories.jsonl, dropped.jsonl, report.json; resumed if it holds this run',
    )
    .option('--json', 'print the report as JSON on standard output')
    .addHelpText(
      'after',
      `
The simulated annotator sees the ground truth; the thoughts do not: they are written from the observations and the call.
Filters are applied when all episodes are made: the same command with other thresholds only filters again. The shares of
--max-tools-share and --max-length-share are of what is kept. A run that was stopped goes on when the
same command is given again. A key for endpoints comes from the environment: MASKWRIGHT_API_KEY.

Examples:
  maskwright synthesize --dataset coco:instances_train.json --split train --per-target 3 --concurrency 4 \\
    --segmenter sam_encoder.onnx,sam_decoder.onnx --out trajectories
  maskwright synthesize --dataset reasonscenes --split train --limit 5000 --mix '{"wrongFirst": 0.3}' --out scenes
  maskwright synthesize --dataset reasonseg:ReasonSeg --policy openai:http://127.0.0.1:8000/v1#qwen3-vl \\
    --per-target 4 --min-iou 0.8 --out teacher

Fields of --mix, the filters and the report: docs/synthesis.md${exitCodeHelp}`,
    )
    .action(synthesizeCommand);
}
