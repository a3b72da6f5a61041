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
  problem: {
    kinds: {
      unreachable: 'tidak terhubung ke perekam',
      late: 'perekam tidak menjawab tepat waktu',
      given_up: 'permintaan dibatalkan sebelum ada jawaban',
      garbled: 'jawaban tidak dapat dibaca',
      file: 'berkas tidak dapat dibaca lagi; pilih sekali lagi',
      unplayable: 'browser ini tidak dapat memutarnya',
      push_service: 'layanan push browser ini tidak dapat dihubungi',
    },
    browser: (name: string) => (name === '' ? 'browser melaporkan kesalahan' : `browser melaporkan kesalahan (${name})`),
    empty: (status: number) => `perekam menjawab dengan kesalahan ${status}`,
  },
};
