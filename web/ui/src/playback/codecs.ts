/** What a sample entry is called in a MIME type (RFC 6381). Pure; what does not parse has no name. */

import { boxes, type Box } from '../live/mp4';

const hex = (value: number): string => value.toString(16).padStart(2, '0').toUpperCase();

/** Bytes of a sample entry before its boxes. */
const VISUAL = 78;
const SOUND = 28;

function inner(view: DataView, entry: Box, skip: number, type: string): Box | null {
  for (const box of boxes(view, entry.body + skip, entry.end)) if (box.type === type) return box;
  return null;
}

/** `hvc1.1.6.L93.B0` */
function hevc(view: DataView, name: string, record: Box): string {
  const at = record.body;
  const profile = view.getUint8(at + 1);
  const space = ['', 'A', 'B', 'C'][profile >> 6] ?? '';
  // The flags of compatibility are written with their bits reversed.
  let flags = 0;
  for (let bit = 0; bit < 32; bit++) if ((view.getUint32(at + 2) >>> bit) & 1) flags |= 1 << (31 - bit);
  const constraints = Array.from({ length: 6 }, (_, i) => view.getUint8(at + 6 + i));
  while (constraints.length > 0 && constraints.at(-1) === 0) constraints.pop();
  const tier = profile & 0x20 ? 'H' : 'L';
  return [name, `${space}${profile & 31}`, (flags >>> 0).toString(16).toUpperCase(), `${tier}${view.getUint8(at + 12)}`, ...constraints.map(hex)].join('.');
}

/** The kind of AAC, from the decoder's own configuration (ISO/IEC 14496-3 §1.6.2). */
function aac(view: DataView, entry: Box): string {
  const esds = inner(view, entry, SOUND, 'esds');
  if (!esds) return 'mp4a.40.2';
  for (let at = esds.body + 4; at + 6 < esds.end; at++) {
    if (view.getUint8(at) !== 5) continue;
    // The length takes up to four bytes of seven bits each.
    let next = at + 1;
    while (next < esds.end && view.getUint8(next) & 0x80) next++;
    const kind = next + 1 < esds.end ? view.getUint8(next + 1) >> 3 : 0;
    if (kind > 0 && kind < 31) return `mp4a.40.${kind}`;
  }
  return 'mp4a.40.2';
}

export function codecOf(view: DataView, entry: Box): string {
  switch (entry.type) {
    case 'avc1':
    case 'avc3': {
      const record = inner(view, entry, VISUAL, 'avcC');
      if (!record || record.end - record.body < 4) return entry.type;
      return `${entry.type}.${[1, 2, 3].map((at) => hex(view.getUint8(record.body + at))).join('')}`;
    }
    case 'hvc1':
    case 'hev1': {
      const record = inner(view, entry, VISUAL, 'hvcC');
      return record && record.end - record.body >= 13 ? hevc(view, entry.type, record) : entry.type;
    }
    case 'mp4a':
      return aac(view, entry);
    case 'Opus':
      return 'opus';
    default:
      return entry.type;
  }
}
