export const canvas = { label: 'Canvas: image and masks', masksOff: 'Masks hidden' };
