import { count } from '../../lib/format';
import type { exporting as english } from '../en/exporting';

export const exporting: typeof english = {
  cocoDone: (annotations, images) => `已导出 ${count(images)} 张图像的 ${count(annotations)} 个标注。`,
  trajectoriesDone: (trajectories) => `已导出 ${count(trajectories)} 条轨迹。`,
  warnings: (warnings) => `导出有 ${count(warnings)} 条警告。`,
};
