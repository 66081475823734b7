import type { canvas as english } from '../en/canvas';

export const canvas: typeof english = { label: '画布：图像和掩码', masksOff: '掩码已隐藏' };
