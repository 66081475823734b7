import type { zoom as english } from '../en/zoom';

export const zoom: typeof english = {
  in: '放大',
  out: '缩小',
  fit: '适应窗口',
  actual: '原始大小',
  label: '缩放',
};
