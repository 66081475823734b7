import type { category as english } from '../en/category';

export const category: typeof english = {
  titleAccept: '接受为',
  titleTarget: '后续使用的类别',
  titleChange: '将类别改为',
  placeholder: '输入以搜索或新建',
  create: (name) => `新建“${name}”`,
  none: '还没有类别。请输入名称。',
  label: '类别',
};
