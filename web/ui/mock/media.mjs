// Streams for the mock recorder: one ffmpeg per stream that somebody watches.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const GOP = 20;
const FPS = 10;

function pattern({ size, label }) {
  return `testsrc2=size=${size}:rate=${FPS},drawbox=y=ih-36:h=36:color=black@0.6:t=fill,drawtext=text='${label} %{localtime}':x=16:y=h-28:fontsize=22:fontcolor=white`;
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', `${GOP}`, '-keyint_min', `${GOP}`, '-pix_fmt', 'yuv420p'];

export class Feed {
  constructor(options) {
    this.options = options;
    this.viewers = new Set();
    this.init = null;
    this.cached = [];
    this.frames = 0;
  }

  add(viewer) {
    this.viewers.add(viewer);
    if (!this.process) this.start();
    else this.greet(viewer);
  }

  remove(viewer) {
    this.viewers.delete(viewer);
    if (this.viewers.size > 0) return;
    this.process?.kill('SIGKILL');
    this.process = null;
    this.init = null;
    this.cached = [];
    this.frames = 0;
  }

  start() {
    const { codec, sound } = this.options;
    const source = ['-v', 'error', '-re', '-f', 'lavfi', '-i', pattern(this.options)];
    if (sound) source.push('-re', '-f', 'lavfi', '-i', 'sine=frequency=330:sample_rate=48000', '-c:a', 'aac', '-b:a', '64k');
    const sink =
      codec === 'mjpeg'
        ? ['-c:v', 'mjpeg', '-q:v', '6', '-f', 'image2pipe', '-']
        : [...H264, '-movflags', 'empty_moov+default_base_moof+frag_every_frame', '-f', 'mp4', '-'];
    this.process = spawn('ffmpeg', [...source, ...sink], { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = Buffer.alloc(0);
    let header = [];
    this.process.stdout.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      if (codec === 'mjpeg') {
        for (let end; (end = rest.indexOf(Buffer.from([0xff, 0xd9]), 2)) >= 0; rest = rest.subarray(end + 2)) {
          const picture = Buffer.from(rest.subarray(0, end + 2));
          this.each((viewer) => {
            if (!viewer.greeted) viewer.json({ mime: 'image/jpeg' });
            viewer.greeted = true;
            viewer.binary(picture);
          });
        }
        return;
      }
      while (rest.length >= 8 && rest.length >= rest.readUInt32BE(0)) {
        const size = rest.readUInt32BE(0);
        const box = Buffer.from(rest.subarray(0, size));
        const type = box.toString('latin1', 4, 8);
        rest = rest.subarray(size);
        header.push(box);
        if (type === 'moov') {
          this.init = Buffer.concat(header);
          header = [];
          this.each((viewer) => this.greet(viewer));
        } else if (type === 'mdat') {
          this.fragment(Buffer.concat(header));
          header = [];
        }
      }
    });
  }

  fragment(bytes) {
    const track = bytes.readUInt32BE(bytes.indexOf('tfhd') + 8);
    if (track === 1 && this.frames++ % GOP === 0) this.cached = [];
    this.cached.push(bytes);
    this.each((viewer) => viewer.binary(bytes));
  }

  greet(viewer) {
    if (!this.init) return;
    const at = this.init.indexOf('avcC') + 5;
    const avc = this.init.subarray(at, at + 3).toString('hex');
    viewer.json({ mime: `video/mp4; codecs="avc1.${avc}${this.options.sound ? ',mp4a.40.2' : ''}"` });
    viewer.binary(this.init);
    for (const bytes of this.cached) viewer.binary(bytes);
  }

  each(run) {
    for (const viewer of this.viewers) run(viewer);
  }
}

/** A minute of footage; every clip is this one. */
export function recordedMinute(file) {
  if (existsSync(file)) return;
  const made = spawnSync('ffmpeg', [
    '-v', 'error', '-f', 'lavfi', '-i', pattern({ size: '640x360', label: 'Recorded' }),
    '-t', '60', ...H264, '-movflags', '+faststart', file,
  ], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (made.status !== 0) throw new Error('ffmpeg made no footage');
}

/** One picture; every snapshot is this one. */
export function still(file) {
  if (existsSync(file)) return;
  const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', pattern({ size: '1280x720', label: 'Snapshot' }), '-frames:v', '1', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (made.status !== 0) throw new Error('ffmpeg made no picture');
}
