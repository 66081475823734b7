import { MaskwrightError } from '@shared/contract/errors';
import { encodeMask, rleArea, rleBbox } from '@shared/mask/rle';
import { z } from 'zod';
import { submittedMasks } from '../environment/state';
import { openImage } from '../images/image-file';
import { parseAs, type ToolListing } from './environment-messages';
import { toolListings } from './environment-session';
import { type EpisodeSettings, HostedEpisode } from './hosted-episode';
import type { ImageFolders } from './image-folders';

/** What a tool gives: text and a picture for the model, and the same facts for a program. */
export interface DeskResult {
  text: string;
  png: Uint8Array | null;
  facts: Record<string, unknown>;
  /** The call was refused; it spent a turn where there is an episode. */
  refused: boolean;
}

const openSchema = z.strictObject({
  path: z.string().min(1).max(4096).describe('Path of the image file, absolute or as list_images names it.'),
  query: z.string().min(1).max(10_000).describe('What to segment, in words.'),
});
const listSchema = z.strictObject({
  from: z.number().int().min(0).default(0).describe('How many to leave out at the start.'),
});
/** Names in one answer to list_images. */
const namesAtOnce = 200;

/** One agent's work: it opens an image with a query, calls the environment's tools and submits; then the next image. */
export class McpDesk {
  private open: { episode: HostedEpisode; path: string } | null = null;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly settings: EpisodeSettings,
    private readonly folders: ImageFolders,
  ) {}

  tools(): ToolListing[] {
    return [
      {
        name: 'list_images',
        description: `Name the images that can be opened, ${namesAtOnce} at a time.`,
        input_schema: z.toJSONSchema(listSchema, { io: 'input' }),
      },
      {
        name: 'open_image',
        description: 'Begin with an image and a query. Shows the image; what was open before is dropped.',
        input_schema: z.toJSONSchema(openSchema, { io: 'input' }),
      },
      ...toolListings(this.settings),
    ];
  }

  /**
   * Calls run one after the other.
   *
   * @throws MaskwrightError of images and segmenter, INVALID_REQUEST for wrong arguments or without an image
   */
  call(name: string, given: Record<string, unknown>, signal: AbortSignal): Promise<DeskResult> {
    const result = this.last.then(() => this.run(name, given, signal));
    this.last = result.catch(() => undefined);
    return result;
  }

  private async run(name: string, given: Record<string, unknown>, signal: AbortSignal): Promise<DeskResult> {
    if (name === 'list_images') return this.list(parseAs(listSchema, given).from);
    if (name === 'open_image') return this.begin(parseAs(openSchema, given));
    if (!this.open) {
      throw new MaskwrightError('INVALID_REQUEST', 'No image is open.', { hint: 'Call open_image first.' });
    }
    const { episode } = this.open;
    const { invalid } = await episode.step({ name, arguments: given }, null, signal);
    return this.show(this.open, invalid !== null);
  }

  private async list(from: number): Promise<DeskResult> {
    const names: string[] = [];
    let at = 0;
    let more = false;
    for await (const name of this.folders.names()) {
      if (names.length === namesAtOnce) {
        more = true;
        break;
      }
      if (at++ >= from) names.push(name);
    }
    const rest = more ? `\nThere are more: call list_images with from ${from + names.length}.` : '';
    const text = names.length === 0 ? 'There are no images.' : `${names.join('\n')}${rest}`;
    return { text, png: null, facts: { images: names, more }, refused: false };
  }

  private async begin({ path, query }: z.infer<typeof openSchema>): Promise<DeskResult> {
    const file = await this.folders.find(path);
    const image = await openImage(file);
    this.open = { episode: new HostedEpisode({ image, query, truth: null }, this.settings), path: file };
    return this.show(this.open, false);
  }

  private async show(
    { episode, path }: { episode: HostedEpisode; path: string },
    refused: boolean,
  ): Promise<DeskResult> {
    const { observation, state } = episode.latest;
    const { image, query } = episode.item;
    const { png } = await episode.image();
    const facts: Record<string, unknown> = {
      query,
      image: { path, width: image.width, height: image.height },
      turn: observation.turn,
      turns_left: observation.turnsLeft,
      ended: state.ended,
    };
    const start = observation.turn === 0 ? `Query: ${query}\n` : '';
    if (state.ended === null) return { text: `${start}${observation.text}`, png, facts, refused };
    const masks = submittedMasks(state).map((mask) => {
      const rle = encodeMask(mask);
      return { ...rle, area: rleArea(rle), bbox: rleBbox(rle) };
    });
    const text = `${observation.text}\nMasks as COCO RLE:\n${JSON.stringify(masks)}`;
    return { text, png, facts: { ...facts, masks }, refused };
  }
}
