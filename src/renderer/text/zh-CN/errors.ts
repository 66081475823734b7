import type { errors as english } from '../en/errors';

export const errors: typeof english = {
  general: {
    INVALID_REQUEST: '无法执行此请求。',
    NOT_FOUND: '找不到所需内容。',
    CONFLICT: '与当前状态冲突。',
    NO_PROJECT: '没有打开的项目。',
    PROJECT_UNREADABLE: '无法读取项目。',
    IMAGE_UNREADABLE: '无法读取图像。',
    FORMAT_UNREADABLE: '无法读取该文件的格式。',
    MODEL_MISSING: '缺少模型。',
    MODEL_UNREADABLE: '无法读取模型。',
    SEGMENTER_FAILED: '分割器出错。',
    POLICY_FAILED: '智能体出错。',
    ENDPOINT_FAILED: '端点没有给出有效回答。',
    EPISODE_OVER: '此回合已经结束。',
    CANCELLED: '已停止。',
    FORBIDDEN: '不允许访问。',
    DISCONNECTED: '与引擎的连接已断开。',
    INTERNAL: '发生内部错误。',
  },
};
