export const pages = {
  label: 'Pages',
  titles: {
    label: 'Label',
    runs: 'Agent runs',
    classes: 'Classes',
    statistics: 'Statistics',
    import: 'Import',
    export: 'Export',
    settings: 'Settings',
  },
};
