import type { query as english } from '../en/query';

export const query: typeof english = {
  label: '要在此图像中找什么',
  placeholder: '要让智能体找什么？例如“台灯左边的杯子”',
  placeholderManual: '写下您要画的对象，或让智能体去找',
  asClass: '作为',
  noClass: '选择类别',
  classLabel: '接受掩码时使用的类别',
  run: '运行',
  step: '单步',
  stop: '停止',
  missing: '请先写明要找什么。',
  missingHint: '在顶部的输入框中填写，然后运行或单步。',
};
