import type { tools as english } from '../en/tools';

export const tools: typeof english = {
  label: '工具',
  select: '选择和平移',
  box: '框',
  positive: '目标上的点',
  negative: '目标外的点（或按住 Alt）',
  brush: '画笔',
  eraser: '橡皮擦',
  polygon: '多边形：绘制，或编辑选中掩码的顶点',
  cut: '沿直线切割选中的掩码',
  delete: '删除选中的掩码',
  undo: '撤销',
  redo: '重做',
};
