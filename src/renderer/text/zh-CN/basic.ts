import type { basic as english } from '../en/basic';

export const basic: typeof english = {
  name: '内置（基础）',
  agent: '我们自己的微型模型，只认识示例项目中的绘制场景。',
  segmenter: '我们自己的小模型，适用于任何图像；真正的 SAM 要好得多。',
  scene: '绘制的场景',
  sceneKnown: '内置智能体（基础）只认识这类场景。点击“运行”，或让它找：',
  sceneOther: '可以让智能体找：',
  sceneUnknown: '这类场景是为内置智能体准备的，而此版本没有附带。使用您自己的智能体时可以让它找：',
  queries: '此场景可用的查询',
  photograph: '照片',
  otherImage: '内置智能体不认识此图像',
  photographUnknown:
    '内置智能体（基础）只认识绘制的场景。这里由您来做：按 [[draw.box]] 并在物体周围画框，内置分割模型会给出掩码；或回放已记录的轮次。',
  photographByHand: '按 [[draw.box]] 并在物体周围画框即可得到掩码。已记录智能体轮次的图像可以回放。',
  placeholder: '智能体只认识绘制的场景：请自己画框',
  placeholderScene: (query) => `要让智能体找什么？例如“${query}”`,
  beyond: '内置智能体只认识绘制的场景。',
  beyondHint: '它在这里的回答只是猜测。请自己画框，或在“模型”中设置更大的模型。',
  larger: '更大的模型',
  largerHow:
    '从这些公开仓库（Hugging Face）取得文件，把路径用逗号隔开写入上方的输入框：智能体需要 GGUF 及其 mmproj，分割模型需要 ONNX 的编码器和解码器。',
};
