/** What fills the window below the top bar; `label` is the workbench itself. */
export const pageNames = ['label', 'runs', 'classes', 'statistics', 'import', 'export', 'settings'] as const;
export type Page = (typeof pageNames)[number];
