import { applicationVersion } from '@engine/application';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { annotateCommand } from './annotate';
import { exitCodes } from './exit-codes';
import { exportCommand } from './export';
import { importCommand } from './import';
import { inspectCommand } from './inspect';
import { serveCommand } from './serve';

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number from 1.');
  return value;
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError('It must be a whole number.');
  return value;
}

function portNumber(text: string): number {
  const value = integer(text);
  if (value < 0 || value > 65_535)
    throw new InvalidArgumentError('It must be 0 to 65535 (0: any free port).');
  return value;
}

function tokenText(text: string): string {
  if (!/^[A-Za-z0-9_-]{16,}$/.test(text))
    throw new InvalidArgumentError('It must be at least 16 letters, digits, "-" or "_".');
  return text;
}

const exitCodeHelp = `
Exit codes:
  ${exitCodes.ok}    everything was done
  ${exitCodes.itemsFailed}    done, but some items failed or were skipped (they are listed and counted)
  ${exitCodes.usage}    the command line or an input file is wrong
  ${exitCodes.failed}    the work could not be done (a model, file or endpoint is missing or broken)
  ${exitCodes.interrupted}  interrupted; the same command goes on from there
`;

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
    .option('--refs <file>', "targets in RefCOCO's layout as JSON; needs --instances")
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
    .command('import <source>')
    .description('Import into a project: folder:DIR or coco:INSTANCES.json.')
    .option('--images <dir>', 'folder of the images that a COCO file names (default: beside it)')
    .requiredOption('--project <file>', 'project file (made if missing) or its folder')
    .option('--json', 'print the report as JSON')
    .action(importCommand);

  root
    .command('export <kind>')
    .description('Export from a project: coco or trajectories.')
    .requiredOption('--project <file>', 'project file, or the folder that holds it')
    .requiredOption('--out <dir>', 'folder to write into')
    .option('--json', 'print the report as JSON')
    .action(exportCommand);

  root
    .command('serve')
    .description('Serve the workbench to a browser.')
    .option(
      '--project <path>',
      'project file or folder of images to open (default: the last one, at first the sample)',
    )
    .option('--sample', 'open the sample project')
    .option('--port <n>', 'port; 0 for any free one', portNumber, 7070)
    .option('--host <address>', 'address to listen on; anything but loopback needs a token', '127.0.0.1')
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
