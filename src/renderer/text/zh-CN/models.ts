import type { models as english } from '../en/models';

export const models: typeof english = {
  title: '模型',
  agent: '智能体',
  segmenter: '分割模型',
  noAgent: '无智能体',
  noSegmenter: '无分割模型',
  ready: '就绪',
  missing: '未安装',
  policy: '模型文件或端点',
  policyPlaceholder: 'model.gguf,mmproj.gguf 或 http://127.0.0.1:8080/v1',
  coordinates: '模型输出的坐标',
  norm1000: '0–1000（Qwen3-VL）',
  pixel: '像素（Qwen2.5-VL）',
  segmenterPath: '编码器和解码器',
  segmenterPlaceholder: 'encoder.onnx,decoder.onnx 或 embedded',
  use: '使用',
  remove: '移除',
  loading: '正在加载…',
  details: '模型和设备',
};
