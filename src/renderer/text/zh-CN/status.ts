import { count } from '../../lib/format';
import type { status as english } from '../en/status';

export const status: typeof english = {
  reviewed: (done, total) => `已审核 ${count(done)} / ${count(total)}`,
  progress: '已审核的图像',
  annotations: (value) => `${count(value)} 个对象`,
  saved: (time) => `已保存 ${time}`,
  allSaved: '全部已保存',
  keys: '快捷键',
  toReview: (value) => `${count(value)} 个待审核`,
  openQueue: '打开审核队列',
  size: (width, height) => `${width} × ${height}`,
  at: (x, y) => `${x}, ${y}`,
};
