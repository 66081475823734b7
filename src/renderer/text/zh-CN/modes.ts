import type { modes as english } from '../en/modes';

export const modes: typeof english = {
  label: '由谁操作',
  manual: '手动',
  step: '单步',
  auto: '自动',
  manualHint: '每次调用都由您完成',
  stepHint: '智能体在执行前展示每次调用',
  autoHint: '智能体自行执行调用',
};
