import type { tour as english } from '../en/tour';

export const tour: typeof english = {
  label: '导览',
  offer: '第一次使用？七个小步骤，用这些图像展示完整流程。',
  start: '开始导览',
  notNow: '不用了',
  of: (step, steps) => `第 ${step} 步，共 ${steps} 步`,
  skip: '跳过此步',
  end: '结束导览',
  openSample: '打开示例项目',
  steps: {
    sample: [
      '示例项目',
      '其中有绘制的场景和可以提出的查询，还有已记录智能体轮次的照片。导览不需要任何模型。',
    ],
    image: [
      '选择一张照片',
      '在左侧场景的下方选择一张有已记录轮次的照片，例如公共汽车。[[view.nextImage]] 前往下一张。图上的标记表示它是待办、待审还是完成。',
    ],
    step: ['请求下一次调用', '点击“单步”或按 [[agent.step]]。智能体的调用以虚线显示在图像上，此时尚未执行。'],
    decide: [
      '对调用作决定',
      '用 [[decide.accept]] 执行，用 [[decide.reject]] 拒绝，或把框或点拖到更好的位置：这就是修正，智能体会从此继续。',
    ],
    accept: [
      '保留掩码',
      '继续按 [[decide.accept]]，直到智能体结束且掩码合适。再按一次 [[decide.accept]] 并选择类别即可接受，结果立即写入磁盘。',
    ],
    own: [
      '自己画一个',
      '用 [[draw.box]] 选择框工具，在另一个物体上拖动，分割模型会给出掩码。按住 Alt 加点可以去掉一部分。',
    ],
    undo: ['撤销', '按 [[decide.undo]]。每个决定都可以撤销，重启之后也一样。'],
  },
  done: '这就是完整流程',
  doneHint:
    '说出要找什么，对每次调用作决定，保留掩码。[[go.keys]] 显示全部快捷键，[[go.palette]] 查找任何命令，[[go.help]] 解释当前页面。',
  finish: '完成',
};
