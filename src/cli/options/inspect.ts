import type { Command } from 'commander';
import { inspectCommand } from '../inspect';

export function addInspect(root: Command): void {
  root
    .command('inspect')
    .description('Show what is installed and which device runs what.')
    .option('--segmenter <segmenter>', 'look at this segmenter: ENCODER.onnx,DECODER.onnx | embedded')
    .option('--policy <policy>', 'look at this model: llama:MODEL.gguf[,MMPROJ.gguf] | embedded')
    .option('--json', 'print JSON')
    .action(inspectCommand);
}
