import { en } from '../text/en';
import { zhCn } from '../text/zh-CN';
import { recall, remember } from './storage';

/** What a language has to say; the compiler refuses one that lacks a text. */
export type Texts = typeof en;

/** Languages of the interface by BCP 47 tag, with their own names. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const;
export type Language = keyof typeof languages;

const texts: Record<Language, Texts> = { en, 'zh-CN': zhCn };

function chosen(): Language {
  const stored = recall('language');
  if (stored === 'en' || stored === 'zh-CN') return stored;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

export const language: Language = chosen();

/** Every text of the interface in the chosen language. */
export const text: Texts = texts[language];

/** Takes effect on the fresh page that it loads: texts are read once, so that they cost nothing. */
export function setLanguage(next: Language): void {
  remember('language', next);
  window.location.reload();
}
