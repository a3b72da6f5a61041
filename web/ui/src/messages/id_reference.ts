/** Words of the page that describes the API. What each route does is the recorder's own description. */

import type * as en from './en_reference';

export const reference: typeof en.reference = {
  title: 'API',
  intro: 'Semua yang dilakukan halaman ini dapat dilakukan program apa pun. Permintaan dan jawaban berupa JSON; kesalahan berupa problem document (RFC 9457) dengan kode yang tetap; waktu mengikuti RFC 3339, UTC.',
  access: 'Masuk dengan kredensial Basic milik pengguna, dengan tokennya (Authorization: Bearer vigie_…), atau dengan cookie sesi halaman ini.',
  document: 'Sebagai dokumen OpenAPI 3.1',
  tryIt: 'Contohnya',
  search: 'Cari rute',
  count: (shown: number, all: number) => (shown === all ? `${all} rute` : `${shown} dari ${all} rute`),
  none: 'Tidak ada rute dengan kata-kata ini.',
  open: 'tanpa masuk',
  parameters: 'Parameter',
  required: 'wajib',
  where: { path: 'di path', query: 'di query', header: 'di header' },
  body: 'Isi',
  answers: 'Jawaban',
  failed: 'Deskripsi tidak dapat dimuat',
};
