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
};
