import manifest from '../../package.json';

export const applicationName = 'Maskwright';
export const applicationVersion: string = manifest.version;
