import { recall, remember } from './storage';

/** Languages of the interface by BCP 47 tag, with their own names. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const;
export type Language = keyof typeof languages;
export const languageTags = ['en', 'zh-CN'] as const satisfies readonly Language[];

function chosen(): Language {
  const stored = recall('language');
  if (stored === 'en' || stored === 'zh-CN') return stored;
  return globalThis.navigator?.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

/** The language of this page. */
export const language: Language = chosen();

/** Takes effect on the fresh page that it loads: texts are read once, so that they cost nothing. */
export function setLanguage(next: Language): void {
  if (next === language) return;
  remember('language', next);
  window.location.reload();
}
