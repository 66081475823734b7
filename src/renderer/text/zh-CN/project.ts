import type { project as english } from '../en/project';

export const project: typeof english = {
  menu: '项目菜单',
  openFolder: '打开文件夹…',
  openProject: '打开项目…',
  sample: '示例项目',
  recent: '最近的项目',
  exportCoco: '导出 COCO',
  exportCocoHint: '已接受的掩码',
  exportTrajectories: '导出轨迹',
  exportTrajectoriesHint: '所有轮次及裁决，JSONL',
  export: '导出',
  theme: '主题',
  themes: { dark: '深色', light: '浅色', system: '跟随系统' },
  none: '没有项目',
};
