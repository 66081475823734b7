import type { pages as english } from '../en/pages';

export const pages: typeof english = {
  label: '页面',
  titles: {
    label: '标注',
    runs: '智能体批量运行',
    classes: '类别',
    statistics: '统计',
    import: '导入',
    export: '导出',
    settings: '设置',
  },
};
