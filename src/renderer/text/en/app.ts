export const app = {
  name: 'Maskwright',
  first: 'Mask',
  second: 'wright',
  reconnecting: 'The engine is restarting. Your work is saved; this page goes on by itself.',
  connecting: 'Connecting to the engine …',
  final: 'The engine has stopped and does not start again by itself.',
  finalHint: 'Your decisions are saved. Restart Maskwright to go on.',
  dismiss: 'Dismiss',
  close: 'Close',
  loading: 'Loading …',
};
