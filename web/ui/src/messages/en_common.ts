/** Words of shared components. */

export const common = {
  close: 'Close',
  cancel: 'Cancel',
  undo: 'Undo',
  save: 'Save',
  add: 'Add',
  edit: 'Edit',
  remove: 'Remove',
  working: 'Working…',
  copy: 'Copy',
  copied: 'Copied',
  show: 'Show',
  hide: 'Hide',
  yes: 'Yes',
  no: 'No',
  none: 'None',
  all: 'All',
  unitOf: (label: string) => `Unit of ${label}`,
  durations: { ms: 'milliseconds', s: 'seconds', m: 'minutes', h: 'hours', d: 'days' },
  /** Instead of the recorder's words, for which there are none: in the middle of a sentence. */
  problem: {
    kinds: {
      unreachable: 'no connection to the recorder',
      late: 'the recorder did not answer in time',
      given_up: 'it was called off before there was an answer',
      garbled: 'the answer could not be read',
      file: 'the file can no longer be read; choose it again',
      unplayable: 'this browser cannot play it',
      push_service: 'the push service of this browser cannot be reached',
    },
    /** `name`: what the browser calls it, if anything */
    browser: (name: string) => (name === '' ? 'the browser reports an error' : `the browser reports an error (${name})`),
    empty: (status: number) => `the recorder answered with error ${status}`,
  },
};
