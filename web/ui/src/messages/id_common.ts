/** Words of shared components. */

import type * as en from './en_common';

export const common: typeof en.common = {
  close: 'Tutup',
  cancel: 'Batal',
  undo: 'Urungkan',
  save: 'Simpan',
  add: 'Tambah',
  edit: 'Ubah',
  remove: 'Hapus',
  working: 'Memproses…',
  copy: 'Salin',
  copied: 'Tersalin',
  show: 'Tampilkan',
  hide: 'Sembunyikan',
  yes: 'Ya',
  no: 'Tidak',
  none: 'Tidak ada',
  all: 'Semua',
  unitOf: (label: string) => `Satuan ${label}`,
  durations: { ms: 'milidetik', s: 'detik', m: 'menit', h: 'jam', d: 'hari' },
};
