import type { Command } from 'commander';
import { annotateCommand } from '../annotate';
import { count, exitCodeHelp, integer, shard } from '../arguments';
import { coordinatesOption, promptOption, viewPixelsOption } from './conventions';

export function addAnnotate(root: Command): void {
  root
    .command('annotate')
    .description('Run an episode for each image and query; write COCO, trajectories and a report.')
    .requiredOption('--images <dir>', 'folder of images')
    .option('--query <text>', 'one query for every image of the folder')
    .option('--queries <file>', 'image and query pairs: JSON, JSON lines, or lines "image,query"')
    .option('--refs <file>', "targets in RefCOCO's layout, as published or as JSON; needs --instances")
    .option('--instances <file>', 'COCO instances with the masks of --refs')
    .requiredOption(
      '--policy <policy>',
      'simulated | llama:MODEL.gguf[,MMPROJ.gguf] | openai:URL[#MODEL] | replay:FILE | embedded',
    )
    .addOption(coordinatesOption())
    .addOption(promptOption())
    .addOption(viewPixelsOption())
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .option('--concurrency <n>', 'episodes at the same time', count, 1)
    .option('--seed <n>', 'seed of everything random; an item’s own is made of it and its key', integer, 0)
    .option(
      '--shard <i/n>',
      'only every n-th target, from the i-th on; the folders of all shards are merged',
      shard,
    )
    .option('--keep-failed', 'resume without trying failed items again')
    .requiredOption(
      '--out <dir>',
      'folder for coco.json, trajectories.jsonl, report.json; resumed if it holds this run',
    )
    .option('--json', 'print the report as JSON on standard output')
    .addHelpText(
      'after',
      `
Examples:
  maskwright annotate --images photos --query "the dog" --policy llama:qwen2.5-vl-7b.gguf \\
    --segmenter sam_encoder.onnx,sam_decoder.onnx --out result
  maskwright annotate --images photos --refs refs.json --instances instances.json \\
    --policy simulated --segmenter sam_encoder.onnx,sam_decoder.onnx --out upper-bound

A key for an endpoint comes from the environment: MASKWRIGHT_API_KEY. Without #MODEL the first of the endpoint's
/models is used. --policy simulated sees the ground truth and needs --refs. A run that was stopped goes on
when the same command is given again.

report.json: n, failed, gIoU, cIoU, gIoU_first (after the first segmentation call), turns and invalid_calls (sums),
skipped (entries of the input that could not be used), per_item. A failed item counts as a miss. IoU fields are null where there is no ground truth.${exitCodeHelp}`,
    )
    .action(annotateCommand);
}
