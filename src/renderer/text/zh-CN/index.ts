import { en } from '../en';

/** 简体中文。 Topics that are not translated yet are shown in English. */
export const zhCn: typeof en = {
  ...en,
};
