import { type Command, Option } from 'commander';
import { count } from '../arguments';

export function addMcp(root: Command): void {
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
    .action(async (options) => (await import('../mcp')).mcpCommand(options));
}
