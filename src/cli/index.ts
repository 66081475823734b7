import { defaultObservationImages } from '@engine/agent/prompt';
import { applicationVersion } from '@engine/application';
import { datasetKinds } from '@engine/datasets';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { trainingEngines } from '@shared/training/manifest';
import { defaultLearnableOptions } from '@shared/trajectory/learnable';
import { Command, CommanderError, Option } from 'commander';
import { annotateCommand } from './annotate';
import {
  count,
  countFromZero,
  countOrNone,
  counts,
  exitCodeHelp,
  imageCount,
  integer,
  pixels,
  portNumber,
  shard,
  share,
  tokenText,
} from './arguments';
import { compareCommand } from './compare';
import { datasetsCommand } from './datasets';
import { envCommand } from './env';
import { evalCommand } from './eval';
import { exitCodes } from './exit-codes';
import { exportCommand } from './export';
import { exportTrainingCommand, validateTrainingCommand } from './export-training';
import { importCommand } from './import';
import { inspectCommand } from './inspect';
import { mergeCommand } from './merge';
import { serveCommand } from './serve';
import { synthesizeCommand } from './synthesize';

function program(): Command {
  const root = new Command('maskwright')
    .description('Text-guided segmentation by an agent that calls a segmenter over several turns.')
    .version(applicationVersion)
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', exitCodeHelp);

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
    .addOption(
      new Option('--coordinates <convention>', 'how the policy writes coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
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
    .option('--show <n>', 'targets that are listed', countOrNone, 5)
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
      new Option('--sentences <which>', 'refcoco: sentences of a referent that become samples')
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
    .addOption(
      new Option('--coordinates <convention>', 'how the policy writes coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .option('--sweep <n,…>', 'other turn budgets to evaluate besides, each with its own episodes', counts)
    .option('--concurrency <n>', 'episodes at the same time', count, 1)
    .option('--seed <n>', 'seed of everything random, the intervals included', integer, 0)
    .option('--limit <n>', 'at most so many targets', count)
    .option('--cases <n>', 'worst cases that the page shows as pictures', countOrNone, 12)
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
    .addOption(
      new Option('--coordinates <convention>', 'how calls write coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .option('--concurrency <n>', 'episodes at the same time', count, 2)
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
--max-tools-share and --max-length-share are of what passed the filters before. A run that was stopped goes on when the
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

  root
    .command('import <source>')
    .description('Import annotations and images into a project: coco, yolo-seg, labelme, masks, folder.')
    .option('--images <dir>', 'folder of the images (default: where the data set has them)')
    .option('--classes <file>', 'masks: file with the classes of the values')
    .requiredOption('--project <file>', 'project file (made if missing) or its folder')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Sources:
  coco:FILE.json      COCO instances: polygons, run lengths, crowds. Images beside the file, in images, or --images.
  yolo-seg:PATH       data.yaml or its folder, with label files of polygons. Rows of plain boxes are reported.
  labelme:PATH        one LabelMe JSON or a folder of them: polygon, rectangle, circle, oriented_rectangle, mask.
                      Shapes of one label and group_id become one object. Pixels in imageData are not read.
  masks:DIR           PNG masks, in one of these layouts (images in DIR, DIR/images, DIR/JPEGImages or --images):
    SegmentationClass/NAME.png        Pascal VOC and CVAT; objects from SegmentationObject/NAME.png where it is there
    NAME.png, NAME_mask.png, masks/NAME.png
                                      8 bits: value = class, 0 background, 255 ignored (alone with 0: one object);
                                      16 bits: value = object; colours: as labelmap.txt says
    NAME_instanceIds.png              value = class × 1000 + object (Cityscapes)
    NAME/CLASS_1.png, NAME_CLASS_1.png
                                      one object a file, every pixel that is not 0
                      Classes: labelmap.txt, classes.txt ("value name" or one name a line from value 0) or --classes.
  folder:DIR          images only

What cannot be read is listed with its reason and skipped (exit code ${exitCodes.itemsFailed}). Importing again adds only what is missing.

Examples:
  maskwright import coco:instances_val2017.json --images val2017 --project work.maskwright
  maskwright import yolo-seg:dataset/data.yaml --project work.maskwright
  maskwright import masks:VOC2012 --project work.maskwright --json
${exitCodeHelp}`,
    )
    .action(importCommand);

  root
    .command('export <format>')
    .description('Export from a project: coco, yolo-seg, labelme, masks, overlays, trajectories.')
    .requiredOption('--project <file>', 'project file, or the folder that holds it')
    .requiredOption('--out <dir>', 'folder to write into; made if missing')
    .addOption(
      new Option('--geometry <form>', 'coco: how masks that were made or changed here are written')
        .choices(['rle', 'polygons', 'polygons-only'])
        .default('rle'),
    )
    .option('--copy-images', 'yolo-seg, labelme, masks: copy the image files too')
    .addOption(
      new Option('--only <images>', 'which images (default: all for coco, else annotated)').choices([
        'all',
        'annotated',
      ]),
    )
    .option('--simplify <pixels>', 'polygons: how far outlines may move to have fewer points', pixels, 0)
    .option('--overwrite', 'replace files that no export wrote, or that were changed since; never images')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Formats:
  coco          coco.json. Imported annotations that nobody touched are as they came, to the digit. "polygons" writes
                outlines where they say the same mask, else run lengths; "polygons-only" fills holes.
  yolo-seg      data.yaml, labels/train/NAME.txt; holes are filled, parts joined by a line, crowds left out
  labelme       NAME.json; parts share a group_id, parts with holes are mask shapes
  masks         SegmentationClass, SegmentationObject, labelmap.txt as Pascal VOC; the upper mask wins where two overlap
  overlays      NAME.jpg with masks in the colours of their classes
  trajectories  trajectories.jsonl, every turn with verdicts

"annotated" images have annotations or are marked done. What a format cannot express is counted on standard error,
with examples, and in the JSON report ("losses", "warnings").

Examples:
  maskwright export coco --geometry polygons --project work.maskwright --out exported
  maskwright export yolo-seg --copy-images --project work.maskwright --out dataset
${exitCodeHelp}`,
    )
    .action(exportCommand);

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
    .option('--images <dir>', 'folder of the images of --trajectories')
    .option(
      '--dataset <kind:path>',
      `data set with the images of --trajectories, or the items of rl-prompts: ${datasetKinds.join(', ')}`,
    )
    .option('--split <name>', 'rl-prompts: split of the data set')
    .addOption(
      new Option('--coordinates <convention>', 'rl-prompts: how the policy will write coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
    .option('--turns <n>', 'rl-prompts: turn budget of the episodes', count, 8)
    .requiredOption('--out <dir>', 'folder to write into; made if missing, else empty')
    .option(
      '--observation-images <n>',
      'overlay images in a prompt beside the first image, as in the prompts that run; all: none is dropped',
      imageCount,
      defaultObservationImages,
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

  root
    .command('serve')
    .description('Serve the workbench to a browser.')
    .option(
      '--project <path>',
      'project file or folder of images to open (default: the last one, at first the sample)',
    )
    .option('--sample', 'open the sample project')
    .option('--port <n>', 'port; 0 for any free one', portNumber, 7070)
    .option(
      '--host <address>',
      'address to listen on; anything but loopback needs a token, and who has it has your file rights',
      '127.0.0.1',
    )
    .option(
      '--token <token>',
      'token that the browser must bring (default: a new one, when one is needed)',
      tokenText,
    )
    .option('--segmenter <segmenter>', 'ENCODER.onnx,DECODER.onnx | embedded, for this run only')
    .option('--policy <policy>', 'llama:… | openai:… | embedded | none, for this run only')
    .option('--data <dir>', 'folder for settings, samples and caches (default: the user data folder)')
    .action(serveCommand);

  root
    .command('env')
    .description('Serve the environment to trainers: the OpenEnv protocol over WebSocket and HTTP.')
    .option(
      '--dataset <kind:path>',
      `items of the episodes: ${datasetKinds.join(', ')} (default: none; clients send images)`,
    )
    .option('--split <name>', 'split of the data set (default: all)')
    .option('--images <dir>', 'folder of its images (default: where the data set has them)')
    .option('--limit <n>', 'only so many items, from the first on', count)
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .option('--turns <n>', 'turn budget of an episode', count, 8)
    .addOption(
      new Option('--coordinates <convention>', 'how policies write coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
    .option('--metrics', 'observations tell IoU, Dice and the terms of the reward')
    .option('--rewards <file>', 'JSON with any part of the weights of the reward')
    .option('--port <n>', 'port; 0 for any free one', portNumber, 8000)
    .option('--host <address>', 'address to listen on; anything but loopback needs a token', '127.0.0.1')
    .option('--token <token>', 'token of the clients (default: a new one, when one is needed)', tokenText)
    .option('--sessions <n>', 'sessions at the same time', count, 64)
    .option('--idle-minutes <n>', 'a session without a request for so long is closed', count, 30)
    .option('--json', 'print the address and what is served as JSON')
    .addHelpText(
      'after',
      `
The first line on standard output is the base URL that clients are given; with a token it holds the token. The reward of
an episode is given with its last observation, where the data set has ground truth, which itself never leaves.

Examples:
  maskwright env --dataset reasonseg:ReasonSeg --split train --segmenter encoder.onnx,decoder.onnx --port 8000
  maskwright env --dataset reasonscenes --metrics --port 0 --json

Protocol, limits and a Python client: docs/environment-server.md
`,
    )
    .action(envCommand);

  root
    .command('mcp')
    .description(
      'Offer the environment’s tools to any agent, over the Model Context Protocol on standard input and output.',
    )
    .option(
      '--segmenter <segmenter>',
      'ENCODER.onnx,DECODER.onnx (SAM, SAM 2, EfficientSAM) | embedded',
      'embedded',
    )
    .option('--images <dirs...>', 'folders whose images may be opened (default: the current one)')
    .option('--turns <n>', 'calls that an image may take', count, 24)
    .addOption(
      new Option('--coordinates <convention>', 'how the agent writes coordinates')
        .choices(['norm1000', 'pixel'])
        .default('norm1000'),
    )
    .addHelpText(
      'after',
      `
Example, as an entry of a client's configuration ("mcpServers"):
  "maskwright": { "command": "maskwright", "args": ["mcp", "--images", "/home/me/photos"] }

Tools: list_images, open_image, segment_box, add_point, zoom, zoom_out, revert, new_object, finish, report_no_target.
The masks come with the last one, as COCO RLE. docs/mcp.md has the details.
`,
    )
    // Loaded when it is asked for: the protocol's schemas would make every command start later.
    .action(async (options) => (await import('./mcp')).mcpCommand(options));

  root
    .command('inspect')
    .description('Show what is installed and which device runs what.')
    .option('--segmenter <segmenter>', 'look at this segmenter: ENCODER.onnx,DECODER.onnx | embedded')
    .option('--policy <policy>', 'look at this model: llama:MODEL.gguf[,MMPROJ.gguf] | embedded')
    .option('--json', 'print JSON')
    .action(inspectCommand);
  return root;
}

async function main(): Promise<void> {
  const root = program();
  // Commander ends the process with 1 for a usage error, which here means that items failed.
  for (const command of [root, ...root.commands]) command.exitOverride();
  try {
    await root.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
      return;
    }
    process.exitCode = report(error);
  }
}

/** What the operating system says of a path: no rights, no space, not a folder. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'code' in error;
}

function report(error: unknown): number {
  if (isFileError(error)) {
    process.stderr.write(
      `maskwright: ${error.path ?? 'A file'} cannot be used: ${error.message.split(',')[0]}\n`,
    );
    return exitCodes.failed;
  }
  if (!(error instanceof MaskwrightError)) {
    process.stderr.write(
      `maskwright: unexpected: ${error instanceof Error ? error.stack : messageOf(error)}\n`,
    );
    return exitCodes.failed;
  }
  process.stderr.write(`maskwright: ${error.message}\n${error.hint === '' ? '' : `  ${error.hint}\n`}`);
  if (error.code === 'CANCELLED') return exitCodes.interrupted;
  const isUsage = [
    'INVALID_REQUEST',
    'NOT_FOUND',
    'FORMAT_UNREADABLE',
    'PROJECT_UNREADABLE',
    'CONFLICT',
  ].includes(error.code);
  return isUsage ? exitCodes.usage : exitCodes.failed;
}

void main();
