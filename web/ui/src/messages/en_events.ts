/** Words for events, alarm inputs and outputs, in English. */

import type { ActionState, Severity } from '../api/alarms';

const many = (count: number, one: string, more: string): string => (count === 1 ? `1 ${one}` : `${count} ${more}`);

/** Kinds that this page knows; a newer recorder's are shown by their name. */
const kinds = {
  motion: 'Motion',
  sensor: 'Alarm input active',
  analytics: 'Analytics',
  manual: 'Recorded by hand',
  external: 'Told by another program',
  stream_offline: 'Camera offline',
  stream_stalled: 'Camera stalled',
  stream_refused: 'Sign-in refused by the camera',
  stream_live: 'Camera live',
  disk_error: 'Disk failed',
  disk_full: 'Disk full',
  disk_removed: 'Disk removed',
  disk_slow: 'Disk slow',
  disk_back: 'Disk back',
  disk_released: 'Disk released',
  disk_failing: 'Disk about to fail',
  no_disk: 'No disk takes footage',
  folder_refused: 'A folder takes no files',
  nothing_recorded: 'Nothing recorded',
  footage_deleted: 'Footage deleted',
  overload: 'Recorder overloaded',
  network_down: 'Network down',
  ip_conflict: 'Address used twice',
  illegal_access: 'Sign-ins refused',
  clock_stepped: 'Clock changed',
  started: 'Recorder started',
  stopping: 'Recorder stopping',
  configuration_changed: 'Configuration changed',
  configuration_refused: 'Configuration refused',
};

const severities: Record<Severity, string> = { alarm: 'Alarm', warning: 'Warning', info: 'Information' };

const outcomes: Record<ActionState, string> = {
  planned: 'to be done',
  done: 'done',
  failed: 'failed',
  expired: 'too late',
  merged: 'done with another',
};

export const alarms = {
  title: 'Alarms',
  quiet: 'All quiet',
  noAlarm: 'No alarms',
  alarms: (count: number) => many(count, 'alarm', 'alarms'),
  warnings: (count: number) => many(count, 'warning', 'warnings'),
  watching: (cameras: number, inputs: number, disks: number) =>
    `Watching ${[
      many(cameras, 'camera', 'cameras'),
      inputs > 0 ? many(inputs, 'alarm input', 'alarm inputs') : '',
      disks > 0 ? many(disks, 'disk', 'disks') : '',
    ]
      .filter(Boolean)
      .join(', ')}`,
  unknown: 'Alarms are not known now',
  unknownText: 'No connection to the recorder’s events. Trying again…',
  more: (count: number) => `and ${count} more`,
  show: 'Show inputs and outputs',
  hide: 'Hide inputs and outputs',
  now: 'Now',
  nowNone: 'Nothing goes on.',
  since: (lasting: string) => `for ${lasting}`,
  ago: (lasting: string) => `${lasting} ago`,
  misconfigured: 'Camera misconfigured',
  notRecorded: 'Not recorded',
  inputs: 'Alarm inputs',
  noInputs: 'None. Add an [[input]] to the configuration: a door contact, a button, another program.',
  outputs: 'Alarm outputs',
  noOutputs: 'None. Add an [[output]] to the configuration: a siren, a lamp, a door.',
  input: { active: 'Active', quiet: 'Quiet', unknown: 'Not heard yet', off: 'Off' },
  output: { on: 'On', off: 'Off', switching: 'Switching…', unknown: 'No answer yet', failed: 'Fails', disabled: 'Disabled' },
  switchOn: 'On',
  switchOnLong: (name: string) => `Switch ${name} on`,
  switchOff: 'Off',
  switchOffLong: (name: string) => `Switch ${name} off`,
  test: 'Test',
  testLong: (name: string) => `Test ${name}: on for a second, and say what failed`,
  testing: 'Testing…',
  testDone: 'The test went well.',
  testFailed: (error: string) => `The test failed: ${error}`,
  timer: (name: string) => `How long ${name} stays on`,
  timers: { forever: 'until off', s10: '10 s', s60: '1 min', s600: '10 min', s3600: '1 h' },
  failed: (detail: string) => `Not done: ${detail}`,

  record: 'Record by hand',
  stopRecord: 'End recording by hand',
  byHand: 'By hand',
  why: (causes: string) => `Recorded now: ${causes}`,

  popups: 'Messages',
  dismiss: 'Dismiss',
  times: (count: number) => `${count}×`,
  morePopups: (count: number) => many(count, 'more message', 'more messages'),
  spoken: (text: string, others: number) => (others > 0 ? `${text}, and ${many(others, 'other', 'others')}` : text),
  video: (name: string) => `${name}, live because of an event`,
  closeVideo: 'Close the live view',
  openVideo: 'Open large',
};

export const events = {
  title: 'Events',
  kind: { ...kinds },
  severity: severities,
  filters: 'Which events are shown',
  anyKind: 'All kinds',
  anyCamera: 'All cameras',
  byKind: 'Kind',
  byCamera: 'Camera',
  onlyAlarms: 'Only alarms',
  from: 'From',
  to: 'To',
  reset: 'Show all',
  kindGroups: { seen: 'Seen and told', cameras: 'Cameras', disks: 'Disks', recorder: 'Recorder' },
  count: (count: number, more: boolean) => (more ? `The newest ${count} events` : many(count, 'event', 'events')),
  older: 'Show older events',
  loading: 'Loading…',
  live: 'Live: new events appear by themselves',
  lost: 'Connection to the events lost. What is missed is fetched as soon as it is back.',
  noneTitle: 'No events yet',
  noneText: 'Motion, alarm inputs, and trouble with cameras and disks are listed here as they happen.',
  noneNext: 'To be told of more, add an [[input]] or a [[rule]] to the configuration.',
  noMatchTitle: 'No event matches',
  noMatchText: 'Choose a longer time, another kind or another camera.',
  failedTitle: 'Events could not be listed',
  again: 'Try again',
  goesOn: 'goes on',
  lasted: (lasting: string) => `lasted ${lasting}`,
  footage: (name: string, time: string) => `Footage of ${name} at ${time}`,
  footageShort: (name: string) => `Footage: ${name}`,
  actions: 'What was done',
  house: 'Recorder',
  disk: (id: string) => `Disk ${id}`,
  subStream: (name: string) => `${name}, sub-stream`,
  action: {
    record: (target: string) => `Record ${target}`,
    output: (target: string) => `Switch on ${target}`,
    popup_video: (target: string) => `Show ${target}`,
    popup_message: 'Show a message',
  },
  outcome: outcomes,
};

/** How long something takes. */
export const span = {
  seconds: (s: number) => `${s} s`,
  minutes: (min: number, s: number) => `${min} min ${s} s`,
  hours: (h: number, min: number) => `${h} h ${min} min`,
  days: (d: number, h: number) => `${d} d ${h} h`,
};
