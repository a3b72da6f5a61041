/** Everything a person reads, in Indonesian. */

import type { CameraState, Cause, GapCause } from '../api/types';
import type * as english from './en';
import { common } from './id_common';
import { alarms, events, push, span } from './id_events';
import { firstLook } from './id_first_look';
import { replay } from './id_playback';
import { reference } from './id_reference';
import { settings } from './id_settings';
import { menu, setup, system, welcome } from './id_system';
import { wall } from './id_wall';

const states: Record<CameraState, string> = {
  connecting: 'Menyambung',
  live: 'Langsung',
  stalled: 'Macet',
  offline: 'Offline',
  refused: 'Ditolak',
  misconfigured: 'Salah konfigurasi',
  disabled: 'Dinonaktifkan',
};

/** What to do about each state. */
const remedies: Record<CameraState, string> = {
  connecting: 'Gambar muncul dengan sendirinya.',
  live: 'Gambar muncul dengan sendirinya.',
  stalled: 'Kamera tersambung tetapi tidak mengirim gambar. Vigie menyambung ulang dengan sendirinya.',
  offline: 'Periksa daya dan jaringan kamera. Vigie terus mencoba.',
  refused: 'Periksa nama pengguna dan sandi kamera ini di konfigurasi.',
  misconfigured: 'Perbaiki bagian kamera ini di konfigurasi. Vigie menerapkan perubahannya dengan sendirinya.',
  disabled: 'Atur enabled = true untuk kamera ini di konfigurasi agar disambungkan.',
};

const causes: Record<Cause, string> = {
  schedule: 'Jadwal',
  manual: 'Manual',
  motion: 'Gerakan',
  sensor: 'Sensor',
  analytics: 'Analitik',
};

const gapCauses: Record<GapCause, string> = {
  camera_offline: 'kamera offline',
  network: 'jaringan',
  stalled: 'kamera macet',
  refused: 'kamera menolak masuk',
  overload: 'perekam kelebihan beban',
  disk: 'disk',
  shutdown: 'perekam dihentikan',
  crash: 'perekam mengalami crash',
  disabled: 'kamera dinonaktifkan',
  clock: 'jam berubah',
};

export const id: typeof english.en = {
  product: 'Vigie',
  skipToContent: 'Langsung ke isi',
  loading: 'Memuat…',
  tryAgain: 'Coba lagi',

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
    wall: 'Langsung',
    playback: 'Putar ulang',
    events: 'Peristiwa',
    settings: 'Pengaturan',
    system: 'Sistem',
    setup: 'Siapkan perekam ini',
    welcome: 'Langkah pertama',
    reference: 'API',
  },

  signIn: {
    title: 'Masuk',
    name: 'Nama',
    password: 'Sandi',
    submit: 'Masuk',
    submitting: 'Sedang masuk…',
    welcome: 'Masuk untuk melihat kamera perekam ini.',
    refused: 'Nama atau sandi salah.',
    ended: 'Sesi Anda telah berakhir. Masuk lagi untuk melanjutkan.',
    idle: (minutes: number) => `Anda dikeluarkan setelah ${minutes} menit tanpa masukan.`,
    restored: 'Cadangan telah dipulihkan. Masuk dengan akun yang ada di dalamnya.',
    idleSoonTitle: 'Masih di sana?',
    idleSoon: (seconds: number) => `Anda akan dikeluarkan dalam ${seconds} detik.`,
    idleStay: 'Tetap masuk',
    unreachable: 'Perekam tidak menjawab. Periksa jaringan dan coba lagi.',
    hint: 'Akun dibuat di perekam dengan “vigie user add”.',
    stay: 'Tetap masuk',
    code: 'Kode faktor kedua Anda, atau kode pemulihan',
    codeNeeded: 'Ketik kode yang ditampilkan aplikasi autentikator Anda.',
    codeWrong: 'Kode ini salah, atau sudah dipakai.',
    lingers: 'Perekam belum tahu bahwa Anda sudah keluar: biarkan halaman ini terbuka sampai perekam menjawab.',
    previews: 'Saat ini',
    preview: (camera: string) => `${camera}, beberapa detik yang lalu`,
  },

  top: {
    signOut: 'Keluar',
    signedInAs: (name: string) => `Masuk sebagai ${name}`,
    unreachable: 'Tidak terhubung ke perekam. Mencoba lagi…',
    clock: 'Jam perekam',
    pages: 'Halaman',
    cameras: 'Kamera',
    events: 'Peristiwa',
  },

  camera: {
    back: 'Semua kamera',
    unknownTitle: 'Kamera ini tidak ada',
    unknownText: 'Mungkin kamera telah dihapus dari konfigurasi, atau alamatnya salah.',
    open: (name: string) => `Perbesar ${name}`,
    unknownState: 'Tidak diketahui',
    recording: 'Merekam',
    notRecording: 'Tidak direkam',
    state: states,
    remedy: remedies,
    stream: { main: 'Aliran utama', sub: 'Sub-stream' },
    size: (width: number, height: number) => `${width} × ${height}`,
    fps: (fps: string) => `${fps} fps`,
    sound: (codec: string) => `suara ${codec}`,
    noSound: 'tanpa suara',
    motion: 'Gerakan',
    motionState: { moving: 'ada gerakan', still: 'tidak ada gerakan', unwatched: 'tidak dideteksi' },
    motionBlind: (why: string) => `tidak melihat apa pun: ${why}`,
    motionSkipped: (count: number) => `${count} gambar dilewati: perekam terlalu lambat`,
  },

  live: {
    connecting: 'Menyambung…',
    lost: 'Koneksi terputus. Menyambung lagi…',
    waiting: 'Menunggu gambar…',
    codec: (codec: string) => `Browser ini tidak dapat memutar ${codec}.`,
    codecSub: (codec: string) => `Sub-stream ditampilkan: browser ini tidak dapat memutar ${codec}.`,
    codecMain: (codec: string) => `Aliran utama ditampilkan: browser ini tidak dapat memutar ${codec}.`,
    codecRemedy: 'Atur sub-stream kamera ke H.264, atau pakai browser dengan H.265, seperti Safari, atau Edge dengan dekode perangkat keras.',
    otherDown: { main: 'Aliran utama ditampilkan: sub-stream terputus.', sub: 'Sub-stream ditampilkan: aliran utama terputus.' },
    mute: 'Bisukan',
    unmute: 'Bunyikan',
    soundCodec: (codec) => `Browser ini tidak dapat memutar suaranya: ${codec} tidak didukung.`,
    soundFails: (codec) => `Browser ini gagal memutar suaranya (${codec}); gambar berlanjut tanpa suara.`,
    fullscreen: 'Layar penuh',
    leaveFullscreen: 'Keluar dari layar penuh',
    view: (name: string) => `Gambar ${name}`,
  },

  footage: {
    bar: (name: string) => `Rekaman ${name}, satu jam terakhir. Tombol panah memilih waktu, Enter memutarnya.`,
    recorded: (cause: string) => `direkam: ${cause}`,
    nothing: 'tidak ada yang terekam',
    gap: (cause: string) => `tanpa rekaman: ${cause}`,
    gapSpan: (from: string, to: string, cause: string) => `${from} sampai ${to}: tanpa rekaman, ${cause}`,
    gapOpen: (from: string, cause: string) => `sejak ${from}: tanpa rekaman, ${cause}`,
    gapList: (name: string) => `Rekaman ${name} yang hilang`,
    none: 'Tidak ada yang terekam dalam satu jam terakhir',
    failed: 'Daftar rekaman tidak dapat diambil',
    legend: 'Warna bilah',
    legendGap: 'Hilang, dengan penyebabnya',
    cause: causes,
    gapCause: gapCauses,
  },

  playback: {
    recorded: 'Rekaman',
    loading: 'Memuat…',
    failed: 'Rekaman ini tidak dapat diputar',
    play: 'Putar',
    pause: 'Jeda',
    back: 'Mundur 30 detik',
    forward: 'Maju 30 detik',
    seconds: '30',
    speed: 'Kecepatan',
    toLive: 'Langsung',
    toLiveLong: 'Kembali ke langsung',
    replay: 'Putar 30 detik terakhir',
    playing: (time: string) => `Memutar dari ${time}`,
    jumped: (time: string) => `Tidak ada rekaman di sana. Memutar dari ${time}`,
  },
};
