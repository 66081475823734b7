/**
 * EfficientSAM.
 *
 * Encoder: `batched_images` [1, 3, H, W], RGB / 255; it stretches to 1024 × 1024 and normalises by itself, so it
 * is given that size. Decoder: image_embeddings, batched_point_coords [1, 1, N, 2] in pixels of orig_im_size
 * (int64, height and width), batched_point_labels [1, 1, N] → output_masks [1, 1, M, h, w] logits,
 * iou_predictions [1, 1, M]. It takes no previous mask.
 * Source: yformer/EfficientSAM, onnx_models.py and export_to_onnx.py.
 */
import {
  type DecoderFormat,
  pointFeeds,
  promptPoints,
  readCandidates,
  requestedSize,
  sizeFeeds,
} from './decoder-io';

/** `decoder_max_num_input_points`: the model silently ignores what comes after. */
const maxPoints = 6;

export const efficientSam: DecoderFormat = {
  feeds(plan, prompt, image) {
    const { corners, clicks } = promptPoints(prompt);
    const size = requestedSize(image);
    const recent = clicks.slice(Math.max(0, clicks.length - (maxPoints - corners.length)));
    const points = [...corners, ...recent].map(({ x, y, label }) => ({
      x: (x * size.width) / image.width,
      y: (y * size.height) / image.height,
      label,
    }));
    return [...pointFeeds(plan, points), ...sizeFeeds(plan, size)];
  },
  candidates: readCandidates,
};
