import type { Command } from 'commander';
import { portNumber, tokenText } from '../arguments';
import { serveCommand } from '../serve';

export function addServe(root: Command): void {
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
}
