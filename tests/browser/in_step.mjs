// How far the pictures of a playback are apart, by the times of the presented pictures and by what is in them.

/** The wall-clock times of the pictures that each camera shows at the same moments, for `ms`. */
export function spread(page, ms) {
  return page.evaluate(async (ms) => {
    const shown = new Map();
    const stop = performance.now() + ms;
    const watch = (video) =>
      new Promise((done) => {
        const rows = [];
        shown.set(video.closest('figure').dataset.camera, rows);
        const look = (_, { mediaTime, expectedDisplayTime }) => {
          rows.push({ at: expectedDisplayTime, wall: Number(video.dataset.epoch) + mediaTime * 1000 });
          if (performance.now() < stop) video.requestVideoFrameCallback(look);
          else done();
        };
        video.requestVideoFrameCallback(look);
        setTimeout(done, ms + 5_000);
      });
    await Promise.all([...document.querySelectorAll('figure video')].map(watch));
    const all = [...shown.values()].filter((rows) => rows.length > 2);
    const from = Math.max(...all.map((rows) => rows[0].at));
    const to = Math.min(...all.map((rows) => rows.at(-1).at));
    const spreads = [];
    for (let at = from; at < to; at += 10) {
      const walls = all.map((rows) => rows.findLast((row) => row.at <= at).wall);
      spreads.push(Math.max(...walls) - Math.min(...walls));
    }
    spreads.sort((a, b) => a - b);
    const lasts = (rows) => rows.slice(1).map((row, i) => row.wall - rows[i].wall).sort((a, b) => a - b)[rows.length >> 1] ?? NaN;
    const picture = Math.max(...all.map(lasts));
    return {
      cameras: all.length,
      pictures: all.reduce((sum, rows) => sum + rows.length, 0),
      moments: spreads.length,
      median: Math.round((spreads[spreads.length >> 1] ?? NaN) * 10) / 10,
      most: Math.round((spreads.at(-1) ?? NaN) * 10) / 10,
      /** How long a picture of the slowest camera lasts, as a rule. */
      picture: Math.round(picture * 10) / 10,
      /** The share of moments at which no two cameras are further apart than a picture; times vary by some ms. */
      within: Math.round((spreads.filter((one) => one <= picture + 5).length / spreads.length) * 1000) / 1000,
    };
  }, ms);
}

/**
 * By how many pictures cameras are apart that film the same moving bars (the demo's yard moves by a
 * 160th of its width with every picture): the row of each, turned until it fits the first one's.
 */
export function barsApart(page, ids) {
  return page.evaluate((ids) => {
    const WIDTH = 320;
    const rows = ids.map((id) => {
      const video = document.querySelector(`figure[data-camera="${id}"] video`);
      const canvas = new OffscreenCanvas(WIDTH, 1);
      const to = canvas.getContext('2d');
      to.drawImage(video, 0, video.videoHeight * 0.4, video.videoWidth, 2, 0, 0, WIDTH, 1);
      const { data } = to.getImageData(0, 0, WIDTH, 1);
      return Array.from({ length: WIDTH }, (_, x) => [data[4 * x], data[4 * x + 1], data[4 * x + 2]]);
    });
    const differs = (a, b, by) => a.reduce((sum, pixel, x) => sum + pixel.reduce((all, value, i) => all + Math.abs(value - b[(x + by + WIDTH) % WIDTH][i]), 0), 0);
    return rows.map((row) => {
      let best = { by: 0, off: Infinity };
      for (let by = -WIDTH / 2; by < WIDTH / 2; by += 2) {
        const off = differs(rows[0], row, by);
        if (off < best.off) best = { by, off };
      }
      return { pictures: best.by / 2, fits: best.off / (WIDTH * 3) < 24 };
    });
  }, ids);
}
