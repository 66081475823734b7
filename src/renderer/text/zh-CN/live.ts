import type { live as english } from '../en/live';

export const live: typeof english = {
  label: '分割模型的状态',
  states: {
    none: '未编码',
    queued: '等待编码',
    encoding: '正在编码',
    ready: '就绪',
    failed: '编码失败',
    absent: '没有分割模型',
  },
  explained: {
    none: '分割模型还没有处理这张图像，画出第一个框或点时会处理。',
    queued: '分割模型正在先处理另一张图像。',
    encoding: '每张图像只编码一次，之后每个框和点都会很快。',
    ready: '框和点会立即得到结果。',
    absent: '请在“模型”中设置。',
  },
  retry: '重试',
  hover: '显示光标下的掩码',
  hoverHint: '使用点工具时，预览点击会得到的掩码。',
  candidates: '同一提示的多个掩码',
  candidate: (number, count) => `掩码 ${number}/${count}`,
  score: '分割模型对该掩码质量的估计，0 到 1',
  next: '同一提示的下一个掩码',
  previous: '同一提示的上一个掩码',
};
