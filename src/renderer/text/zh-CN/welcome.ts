import type { welcome as english } from '../en/welcome';

export const welcome: typeof english = {
  title: '与可以随时纠正的智能体一起标注',
  intro: '说出要找什么。智能体提出框和点，您在图像上接受或移动它们，每一次修正都会成为训练数据。',
  folder: '打开图像文件夹',
  folderHint: '在其中建立项目；图像留在原处',
  project: '打开项目',
  projectHint: '从上次离开的地方继续',
  sample: '试用示例项目',
  sampleHint: '绘制的场景，以及带有已记录轮次的照片；不需要任何模型',
  path: '图像文件夹或项目文件，位于运行引擎的机器上',
  pathPlaceholder: '~/pictures/cups',
  open: '打开',
  opening: '正在打开…',
  recent: '最近',
  steps: [
    ['提问', '输入想要的内容：“台灯左边的杯子”。'],
    ['修正', '每次调用都先以虚影显示在图像上：接受、拖动，或自己画。'],
    ['保留', '选择类别并接受掩码，然后导出 COCO 和轨迹。'],
  ],
  tour: '开始导览',
  help: '入门',
};
