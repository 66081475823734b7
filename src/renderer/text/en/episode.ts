export const episode = {
  accept: 'Accept',
  acceptCall: 'Accept call',
  acceptNoTarget: 'Accept: no target',
  acceptAs: (name: string) => `Accept as ${name}`,
  reject: 'Reject',
  rejectCall: 'Reject call',
  rejected: 'Rejected.',
  rejectedHint: 'Nothing was added; its turns are kept as a rejected trajectory.',
};
