import { count } from '../../lib/format';
import type { polygon as english } from '../en/polygon';

export const polygon: typeof english = {
  hint: 'Enter 闭合 · Backspace 退回一个顶点 · Esc 取消',
  more: (points) => `已有 ${count(points)} 个顶点，至少需要三个`,
  empty: '多边形没有覆盖任何像素。',
  emptyHint: '请画大一些，或放大图像。',
};
