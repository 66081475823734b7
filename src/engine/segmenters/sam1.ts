/**
 * SAM 1 and what is exported like it (ViT-B/L/H, MobileSAM, …).
 *
 * Encoder: one RGB image → one embedding of any shape. Longest side to the input's side, content at the top
 * left, zeros to the right and below. Decoder: image_embeddings, point_coords [1, N, 2] and point_labels [1, N]
 * in the encoder's frame, mask_input [1, 1, s, s], has_mask_input [1], orig_im_size [2] (height, width) → masks
 * [1, M, h, w] logits, iou_predictions [1, M], low_res_masks [1, M, s, s]. The last three inputs are optional.
 * Source: scripts/export_onnx_model.py and utils/onnx.py of facebookresearch/segment-anything.
 */
import {
  type DecoderFormat,
  maskFeeds,
  pointFeeds,
  promptLabels,
  promptPoints,
  readCandidates,
  requestedSize,
  sizeFeeds,
  toFrame,
} from './decoder-io';

export const sam1: DecoderFormat = {
  feeds(plan, prompt, image) {
    const { corners, clicks } = promptPoints(prompt);
    // Without a box the decoder was trained to see one padding point.
    const padding = corners.length === 0 ? [{ x: 0, y: 0, label: promptLabels.padding }] : [];
    return [
      ...pointFeeds(plan, toFrame([...clicks, ...corners, ...padding], plan, image)),
      ...maskFeeds(plan, prompt.lowRes),
      ...sizeFeeds(plan, requestedSize(image)),
    ];
  },
  candidates: readCandidates,
};
