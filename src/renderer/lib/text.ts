import { en } from '../text/en';
import { zhCn } from '../text/zh-CN';
import { type Language, language } from './language';

/** What a language has to say; the compiler refuses one that lacks a text. */
export type Texts = typeof en;

const texts: Record<Language, Texts> = { en, 'zh-CN': zhCn };

/** Every text of the interface in the chosen language. */
export const text: Texts = texts[language];
