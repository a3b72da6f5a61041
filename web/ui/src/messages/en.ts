/** Everything a person reads, in English: the catalogue that the others are measured by. */

import type { CameraState, Cause, GapCause } from '../api/types';
import { common } from './en_common';
import { alarms, events, push, span } from './en_events';
import { firstLook } from './en_first_look';
import { replay } from './en_playback';
import { reference } from './en_reference';
import { settings } from './en_settings';
import { menu, setup, system, welcome } from './en_system';
import { wall } from './en_wall';

const states: Record<CameraState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  stalled: 'Stalled',
  offline: 'Offline',
  refused: 'Refused',
  misconfigured: 'Misconfigured',
  disabled: 'Switched off',
};

/** What to do about each state. */
const remedies: Record<CameraState, string> = {
  connecting: 'The picture appears by itself.',
  live: 'The picture appears by itself.',
  stalled: 'The camera is connected but sends no picture. Vigie connects anew by itself.',
  offline: 'Check the camera’s power and network. Vigie keeps trying.',
  refused: 'Check user name and password of this camera in the configuration.',
  misconfigured: 'Correct this camera’s section of the configuration. Vigie takes the change up by itself.',
  disabled: 'Set enabled = true for this camera in the configuration to connect to it.',
};

const causes: Record<Cause, string> = {
  schedule: 'Schedule',
  manual: 'Manual',
  motion: 'Motion',
  sensor: 'Sensor',
  analytics: 'Analytics',
};

const gapCauses: Record<GapCause, string> = {
  camera_offline: 'camera offline',
  network: 'network',
  stalled: 'camera stalled',
  refused: 'sign-in refused by the camera',
  overload: 'recorder overloaded',
  disk: 'disk',
  shutdown: 'recorder stopped',
  crash: 'recorder crashed',
  disabled: 'camera switched off',
  clock: 'clock changed',
};

export const en = {
  product: 'Vigie',
  skipToContent: 'Skip to content',
  loading: 'Loading…',
  tryAgain: 'Try again',

  alarms,
  common,
  events,
  firstLook,
  push,
  reference,
  replay,
  menu,
  settings,
  setup,
  span,
  system,
  wall,
  welcome,

  /** What pages are called, in the bar and in the window's title. */
  pages: {
    wall: 'Live',
    playback: 'Playback',
    events: 'Events',
    settings: 'Settings',
    system: 'System',
    setup: 'Set up this recorder',
    welcome: 'First steps',
    reference: 'API',
  },

  signIn: {
    title: 'Sign in',
    name: 'Name',
    password: 'Password',
    submit: 'Sign in',
    submitting: 'Signing in…',
    welcome: 'Sign in to see this recorder’s cameras.',
    refused: 'Name or password is wrong.',
    ended: 'Your session has ended. Sign in again to go on.',
    idle: (minutes: number) => (minutes === 1 ? 'You were signed out after a minute without input.' : `You were signed out after ${minutes} minutes without input.`),
    restored: 'The backup is restored. Sign in with an account that is in it.',
    idleSoonTitle: 'Still there?',
    idleSoon: (seconds: number) => (seconds === 1 ? 'You are signed out in 1 second.' : `You are signed out in ${seconds} seconds.`),
    idleStay: 'Stay signed in',
    unreachable: 'The recorder does not answer. Check the network and try again.',
    hint: 'Accounts are made on the recorder with “vigie user add”.',
    stay: 'Stay signed in',
    code: 'Code of your second factor, or a recovery code',
    codeNeeded: 'Type the code that your authenticator app shows.',
    codeWrong: 'This code is wrong, or was used already.',
    lingers: 'The recorder has not heard yet that you signed out: leave this page open until it answers.',
    previews: 'Seen now',
    preview: (camera: string) => `${camera}, a few seconds ago`,
  },

  top: {
    signOut: 'Sign out',
    signedInAs: (name: string) => `Signed in as ${name}`,
    unreachable: 'No connection to the recorder. Trying again…',
    clock: 'Recorder’s clock',
    pages: 'Pages',
    cameras: 'Cameras',
    events: 'Events',
  },

  camera: {
    back: 'All cameras',
    unknownTitle: 'There is no such camera',
    unknownText: 'It may have been removed from the configuration, or the address is wrong.',
    open: (name: string) => `Open ${name} large`,
    unknownState: 'Unknown',
    recording: 'Recording',
    notRecording: 'Not recorded',
    state: states,
    remedy: remedies,
    stream: { main: 'Main stream', sub: 'Sub-stream' },
    size: (width: number, height: number) => `${width} × ${height}`,
    fps: (fps: string) => `${fps} fps`,
    sound: (codec: string) => `sound ${codec}`,
    noSound: 'no sound',
    motion: 'Motion',
    motionState: { moving: 'something moves', still: 'nothing moves', unwatched: 'not looked for' },
    motionBlind: (why: string) => `sees nothing: ${why}`,
    motionSkipped: (count: number) => `${count} pictures left out: the recorder was too slow`,
  },

  live: {
    connecting: 'Connecting…',
    lost: 'Connection lost. Connecting again…',
    waiting: 'Waiting for a picture…',
    codec: (codec: string) => `This browser does not play ${codec}.`,
    codecSub: (codec: string) => `Sub-stream shown: this browser does not play ${codec}.`,
    codecMain: (codec: string) => `Main stream shown: this browser does not play ${codec}.`,
    codecRemedy: 'Set the camera’s sub-stream to H.264, or use a browser with H.265, such as Safari, or Edge with hardware decoding.',
    otherDown: { main: 'Main stream shown: the sub-stream is down.', sub: 'Sub-stream shown: the main stream is down.' },
    mute: 'Mute',
    unmute: 'Unmute',
    soundCodec: (codec: string) => `This browser does not play the sound: it lacks ${codec}.`,
    soundFails: (codec: string) => `This browser failed in playing the sound (${codec}); the picture goes on without it.`,
    fullscreen: 'Full screen',
    leaveFullscreen: 'Leave full screen',
    view: (name: string) => `Picture of ${name}`,
  },

  footage: {
    bar: (name: string) => `Footage of ${name}, last hour. Arrow keys choose a time, Enter plays it.`,
    recorded: (cause: string) => `recorded: ${cause}`,
    nothing: 'nothing recorded',
    gap: (cause: string) => `no footage: ${cause}`,
    gapSpan: (from: string, to: string, cause: string) => `${from} to ${to}: no footage, ${cause}`,
    gapOpen: (from: string, cause: string) => `since ${from}: no footage, ${cause}`,
    gapList: (name: string) => `Missing footage of ${name}`,
    none: 'Nothing recorded in the last hour',
    failed: 'Footage could not be listed',
    legend: 'Colours of the bars',
    legendGap: 'Missing, with its cause',
    cause: causes,
    gapCause: gapCauses,
  },

  playback: {
    recorded: 'Recorded',
    loading: 'Loading…',
    failed: 'This footage cannot be played',
    play: 'Play',
    pause: 'Pause',
    back: 'Back 30 seconds',
    forward: 'Forward 30 seconds',
    seconds: '30',
    speed: 'Speed',
    toLive: 'Live',
    toLiveLong: 'Back to live',
    replay: 'Play the last 30 seconds',
    playing: (time: string) => `Playing from ${time}`,
    jumped: (time: string) => `Nothing was recorded there. Playing from ${time}`,
  },
};
