/** Kata-kata pandangan pertama atas sebuah demonstrasi. */

import type * as en from './en_first_look';
import type { Catalogue } from './index';

export const firstLook: Catalogue<typeof en.firstLook> = {
  title: 'Pandangan pertama',
  text: 'Ini sebuah demonstrasi: dua kamera sintetis, direkam di folder tersendiri. Cobalah semuanya, urutannya bebas.',
  done: 'Selesai:',
  close: 'Tutup pandangan pertama',
  keep: 'Pakai seterusnya',
  keepHow: 'memasang Vigie di mesin ini; docs/install.md menjelaskan langkah berikutnya.',
  steps: {
    watch: { what: 'Lihat kamera secara langsung', how: 'Dengan satu jam terakhir di bawahnya. Di dinding, klik ganda memperbesarnya.' },
    playback: { what: 'Putar ulang rekaman', how: 'Tekan 5 mnt, lalu geser garis waktu: warnanya menunjukkan mengapa sesuatu direkam.' },
    ring: { what: 'Bunyikan bel pintu', how: 'Tekan Picu: sebuah aturan mengambil gambar, merekam, menyalakan sirene dan menampilkan gerbang. Akhiri menghentikannya.' },
    events: { what: 'Lihat apa yang terjadi', how: 'Setiap peristiwa disimpan, beserta semua yang dilakukan karenanya.' },
    motion: { what: 'Gambar area gerak yang dihitung', how: 'Ada yang lewat setiap 40 detik. Yang bergerak di atas tanah tidak dihitung.' },
    camera: { what: 'Tambahkan kamera Anda sendiri', how: 'Uji menampilkan apa yang dikirim sebuah alamat sebelum disimpan.' },
  },
};
