import type { tools as english } from '../en/tools';

export const tools: typeof english = {
  label: '工具',
  select: '选择和平移',
  box: '框',
  positive: '目标上的点',
  negative: '目标外的点（或按住 Alt）',
  polygon: '手绘多边形',
  delete: '删除选中的掩码',
  undo: '撤销',
  redo: '重做',
};
