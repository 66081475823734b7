/** Larger models: their public repository on Hugging Face, and the files to write into the field. */
export const largerModels = [
  {
    name: 'Qwen3-VL 8B',
    from: 'Qwen/Qwen3-VL-8B-Instruct-GGUF',
    files: 'Qwen3VL-8B-Instruct-Q4_K_M.gguf,mmproj-Qwen3VL-8B-Instruct-F16.gguf',
  },
  {
    name: 'Qwen2.5-VL 7B',
    from: 'ggml-org/Qwen2.5-VL-7B-Instruct-GGUF',
    files: 'Qwen2.5-VL-7B-Instruct-Q4_K_M.gguf,mmproj-Qwen2.5-VL-7B-Instruct-f16.gguf',
  },
  {
    name: 'SAM 2.1',
    from: 'vietanhdev/segment-anything-2.1-onnx-models',
    files: 'sam2.1_hiera_tiny.encoder.onnx,sam2.1_hiera_tiny.decoder.onnx',
  },
  {
    name: 'MobileSAM',
    from: 'Acly/MobileSAM',
    files: 'mobile_sam_image_encoder.onnx,sam_mask_decoder_multi.onnx',
  },
] as const;
