import type { episode as english } from '../en/episode';

export const episode: typeof english = {
  accept: '接受',
  acceptCall: '接受调用',
  acceptNoTarget: '接受：没有目标',
  acceptAs: (name) => `接受为 ${name}`,
  reject: '拒绝',
  rejectCall: '拒绝调用',
  rejected: '已拒绝。',
  rejectedHint: '没有添加任何内容；其轮次保留为被拒绝的轨迹。',
};
