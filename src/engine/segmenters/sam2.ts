/**
 * SAM 2 and 2.1 (image mode).
 *
 * Encoder: `image` [1, 3, S, S], both sides resized to S → high_res_feats_0, high_res_feats_1, image_embed.
 * Decoder: the three, point_coords [1, N, 2] and point_labels [1, N] in the encoder's frame, mask_input
 * [1, 1, 256, 256], has_mask_input [1] → masks [1, M, 256, 256] logits, iou_predictions [1, M]. The masks cover
 * the stretched image and are themselves what mask_input takes. Box corners come before the clicks.
 * Source: the sam2 image predictor, and the export by vietanhdev/samexporter.
 */
import {
  type DecoderFormat,
  maskFeeds,
  pointFeeds,
  promptPoints,
  readCandidates,
  requestedSize,
  sizeFeeds,
  toFrame,
} from './decoder-io';

export const sam2: DecoderFormat = {
  feeds(plan, prompt, image) {
    const { corners, clicks } = promptPoints(prompt);
    return [
      ...pointFeeds(plan, toFrame([...corners, ...clicks], plan, image)),
      ...maskFeeds(plan, prompt.lowRes),
      ...sizeFeeds(plan, requestedSize(image)),
    ];
  },
  candidates: readCandidates,
};
