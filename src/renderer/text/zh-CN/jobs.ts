import { count } from '../../lib/format';
import type { jobs as english } from '../en/jobs';
import { type Translation, translated } from '../translated';

const labels: readonly Translation[] = [
  [/^Import images$/, '导入图像'],
  [/^Compare with a gold set$/, '与金标准比较'],
  [/^Import PNG masks$/, '导入 PNG 掩码'],
  [/^Export PNG masks$/, '导出 PNG 掩码'],
  [/^Export overlays$/, '导出叠加图'],
  [/^Export trajectories$/, '导出轨迹'],
  [/^Import (.+)$/, '导入 $1'],
  [/^Export (.+)$/, '导出 $1'],
];

const messages: readonly Translation[] = [
  [/^(\d+) annotations on (\d+) images$/, '$2 张图像上的 $1 个标注'],
  [/^(\d+) annotations of (\d+) images in (.+)$/, '$2 张图像的 $1 个标注，写入 $3'],
  [/^(\d+) trajectories in (.+)$/, '$1 条轨迹，写入 $2'],
  [/^(\d+) images$/, '$1 张图像'],
  [/^Compared (\d+) images$/, '已比较 $1 张图像'],
  [/^(\d+) results? to review$/, '$1 个结果待审核'],
];

export const jobs: typeof english = {
  label: (label) => translated(label, labels),
  message: (message) => translated(message, messages),
  cancel: '取消',
  pause: '暂停',
  more: (value) => `+${value}`,
  failed: (label) => `${label}失败。`,
  partly: (label, failures) => `${label}：${count(failures)} 项失败。`,
};
