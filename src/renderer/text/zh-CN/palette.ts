import type { palette as english } from '../en/palette';

export const palette: typeof english = {
  title: '命令面板',
  placeholder: '输入命令、图像、类别、设置…',
  results: '结果',
  kinds: {
    command: '命令',
    image: '图像',
    category: '类别',
    setting: '设置',
    project: '项目',
    help: '帮助',
  },
  useClass: (name) => `使用类别“${name}”`,
  notNow: '此处或此时不可用',
  nothing: '没有符合的内容。请少输入几个字。',
  hint: '方向键选择，Enter 执行，Esc 关闭',
};
