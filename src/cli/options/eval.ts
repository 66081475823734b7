import { datasetKinds } from '@engine/datasets';
import { type Command, Option } from 'commander';
import { count, countFromZero, counts, exitCodeHelp, integer, shard, tools } from '../arguments';
import { evalCommand } from '../eval';
import { coordinatesOption, promptOption, viewPixelsOption } from './conventions';

export function addEval(root: Command): void {
  root
    .command('eval')
    .description(
      'Evaluate a policy on a data set: both metric protocols, intervals, a page with the worst cases.',
    )
    .requiredOption('--dataset <kind:path>', `data set: ${datasetKinds.join(', ')}`)
    .option('--split <name>', 'split of the data set (default: all)')
    .option('--images <dir>', 'folder of its images (default: where the data set has them)')
    .option('--instances <file>', 'refcoco: COCO instances (default: instances.json beside the refs)')
    .option('--split-by <name>', 'refcoco: unc, google or umd, where a folder has several files of refs')
    .addOption(
      new Option('--sentences <which>', 'refcoco, reasonseg: texts of an entry that become samples')
        .choices(['first', 'all'])
        .default('first'),
    )
    .option('--queries <file>', 'folder: image and query pairs')
    .option(
      '--policy <policy>',
      'simulated | llama:MODEL.gguf[,MMPROJ.gguf] | openai:URL[#MODEL] | replay:FILE | embedded',
      'embedded',
    )
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .addOption(coordinatesOption())
    .addOption(promptOption())
    .addOption(viewPixelsOption())
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .option('--sweep <n,…>', 'other turn budgets to evaluate besides, each with its own episodes', counts)
    .option('--without <tool,…>', 'tools that the policy is not offered, such as zoom', tools, [])
    .option('--blind', 'the policy sees the image at the start and no picture of what its calls did')
    .option('--concurrency <n>', 'episodes at the same time', count, 1)
    .option('--seed <n>', 'seed of everything random, the intervals included', integer, 0)
    .option('--limit <n>', 'at most so many targets', count)
    .option('--cases <n>', 'worst cases that the page shows as pictures', countFromZero, 12)
    .option(
      '--shard <i/n>',
      'only every n-th target, from the i-th on; the folders of all shards are merged',
      shard,
    )
    .option('--keep-failed', 'resume without trying failed samples again')
    .requiredOption(
      '--out <dir>',
      'folder for report.json, report.html, samples.jsonl; resumed if it holds this run',
    )
    .option('--json', 'print the report as JSON on standard output')
    .addHelpText(
      'after',
      `
report.json: n, failed, protocols (lisa and segzero, each with gIoU and cIoU: value, low, high of the 95 % interval),
one_shot (after the first segmentation call), precision, dice, boundary_f, turns, invalid_calls, ms, tokens; the same by
split, group and turn budget. A failed sample counts as a miss. A run that was stopped goes on when the same command is
given again; a budget added to --sweep costs only its own episodes.

Examples:
  maskwright eval --dataset reasonseg:ReasonSeg --split val --policy openai:http://127.0.0.1:8000/v1 \\
    --segmenter sam_encoder.onnx,sam_decoder.onnx --concurrency 16 --out result
  maskwright eval --dataset reasonscenes --split test --policy simulated --sweep 1,2,4,8 --out upper-bound

How each protocol counts: docs/evaluation.md
${exitCodeHelp}`,
    )
    .action(evalCommand);
}
