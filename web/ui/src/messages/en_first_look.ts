/** Words of the first look at a demonstration. */

export const firstLook = {
  title: 'A first look',
  text: 'This is a demonstration: two synthetic cameras, recorded in a folder of their own. Try everything, in any order.',
  done: 'Done:',
  close: 'Close the first look',
  keep: 'Keep it',
  keepHow: 'installs Vigie on this machine; docs/install.md says what comes next.',
  steps: {
    watch: { what: 'Watch a camera live', how: 'With its last hour below it. On the wall a double click enlarges it.' },
    playback: { what: 'Play what was recorded', how: 'Press 5 min, then drag the timeline: its colours say why something was recorded.' },
    ring: { what: 'Ring the door bell', how: 'Press Trigger: a rule takes pictures, records, switches the siren on and shows you the gate. Clear ends it.' },
    events: { what: 'See what came of it', how: 'Every event is kept, with all that was done about it.' },
    motion: { what: 'Draw where motion counts', how: 'Somebody walks by every 40 seconds. What moves above the ground is left out.' },
    camera: { what: 'Add a camera of your own', how: 'Test shows what an address sends before you save it.' },
  },
};
