import { count } from '../../lib/format';
import type { images as english } from '../en/images';

export const images: typeof english = {
  title: '图像',
  search: (total) => `搜索 ${count(total)} 张图像`,
  searchLabel: '按名称搜索图像',
  filters: { all: '全部', todo: '待办', review: '待审', done: '完成' },
  filterLabel: '显示图像',
  next: '下一张',
  nextWide: '待审图像',
  states: { todo: '待办', review: '待审', done: '完成' },
  label: (name, state, masks) => `${name}，${state}，${count(masks)} 个掩码`,
  emptyProject: '这里没有图像',
  emptyProjectHint: 'Maskwright 读取 JPEG、PNG、WebP 和 TIFF 文件。请从项目菜单打开另一个文件夹。',
  nothingFound: '没有符合的图像',
  nothingFoundHint: '显示全部图像并清除搜索',
  showAll: '显示全部',
  allReviewed: '此列表中的图像都已审核。',
  failed: '无法显示此图像',
  failedHint: '文件可能已损坏或丢失。请继续下一张。',
  pick: '请在左侧选择一张图像',
  markDone: '标为完成',
  unmarkDone: '改回待办',
};
