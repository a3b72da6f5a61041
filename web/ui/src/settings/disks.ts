/** What may be done with a disk as it stands, and what the recorder answers to it. Pure. */

import type { Problem } from '../api/problem';
import type { DiskCommand, DiskState } from '../api/system';

/** In an operator's words: some are the same command of the recorder's. */
export type Offer = 'create' | 'prepare' | 'adopt' | 'take_back' | 'retire' | 'release';
/** Erasing is never offered: the recorder says when preparing would take that. */
export type DiskWish = Offer | 'erase';

const IN_USE: readonly Offer[] = ['retire', 'release'];
/** Somebody has to decide whether what lies there is kept. */
const UNDECIDED: readonly Offer[] = ['adopt', 'prepare'];

/** States that pass by themselves, or that a person has to mend at the machine, offer nothing. */
const OFFERED: Partial<Record<DiskState, readonly Offer[]>> = {
  online: IN_USE,
  degraded: IN_USE,
  full: IN_USE,
  slow: IN_USE,
  failed: ['release'],
  retired: ['take_back', 'release'],
  released: ['take_back', 'prepare'],
  foreign: UNDECIDED,
  unmarked: UNDECIDED,
  damaged: UNDECIDED,
  blank: ['prepare'],
  // The recorder does it for a new disk alone.
  absent: ['create'],
};

export const offered = (state: DiskState): readonly Offer[] => OFFERED[state] ?? [];

export const commandOf = (wish: DiskWish): DiskCommand => (wish === 'create' ? 'create-folder' : wish === 'erase' ? 'prepare' : wish === 'take_back' ? 'adopt' : wish);

/** It was not prepared because footage is on it, which erasing would delete. */
export const wouldErase = (wish: DiskWish, problem: Problem): boolean => wish === 'prepare' && problem.code === 'holds_footage';
