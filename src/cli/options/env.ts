import { datasetKinds } from '@engine/datasets';
import type { Command } from 'commander';
import { count, portNumber, tokenText } from '../arguments';
import { envCommand } from '../env';
import { coordinatesOption, promptOption, viewPixelsOption } from './conventions';

export function addEnv(root: Command): void {
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
    .addOption(coordinatesOption())
    .addOption(promptOption())
    .addOption(viewPixelsOption())
    .option('--metrics', 'observations tell IoU, Dice and the terms of the reward')
    .option('--rewards <file>', 'JSON with any part of the weights of the reward')
    .option('--port <n>', 'port; 0 for any free one', portNumber, 8000)
    .option('--host <address>', 'address to listen on; anything but loopback needs a token', '127.0.0.1')
    .option('--token <token>', 'token of the clients (default: a new one, when one is needed)', tokenText)
    .option('--sessions <n>', 'sessions at the same time', count, 64)
    .option('--idle-minutes <n>', 'a session without a request for so long is closed', count, 30)
    .option('--http-idle-minutes <n>', 'the same for a session of HTTP, which has no connection', count, 5)
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
}
