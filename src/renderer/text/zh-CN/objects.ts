import type { objects as english } from '../en/objects';

export const objects: typeof english = {
  title: '对象',
  empty: '还没有接受任何内容',
  emptyHint: '接受的掩码会列在这里，并标明由谁完成。',
  inWork: '进行中',
  delete: '删除',
  change: '更改类别',
  byline: { agent: '智能体', human: '您', simulator: '模拟标注者' },
  crowd: '群组',
  unknown: '未知类别',
};
