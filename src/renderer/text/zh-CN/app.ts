import type { app as english } from '../en/app';

export const app: typeof english = {
  name: 'Maskwright',
  first: 'Mask',
  second: 'wright',
  reconnecting: '引擎正在重启。您的工作已保存；本页会自动继续。',
  connecting: '正在连接引擎…',
  final: '引擎已停止，不会再自动启动。',
  finalHint: '您的决定已保存。请重新启动 Maskwright 以继续。',
  dismiss: '关闭提示',
  close: '关闭',
  loading: '正在加载…',
};
