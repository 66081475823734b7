import { count } from '../../lib/format';
import type { jobs as english } from '../en/jobs';

export const jobs: typeof english = {
  cancel: '取消',
  pause: '暂停',
  more: (value) => `+${value}`,
  failed: (label) => `${label}失败。`,
  partly: (label, failures) => `${label}：${count(failures)} 项失败。`,
};
