// Words that are hard to read against what lies behind them.

/** Of all words within `selector`: those with less contrast than WCAG 2 AA asks for. Pictures are left out. */
export function faint(page, selector) {
  return page.locator(selector).evaluateAll((roots) => {
    const channels = (text) => {
      const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
      return /^color\(/.test(text) ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
    const ground = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        const layer = channels(getComputedStyle(at).backgroundColor);
        layers.push(layer);
        if (layer[3] === 1) break;
      }
      return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const light = (rgb) => {
      const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    for (const element of roots.flatMap((root) => [root, ...root.querySelectorAll('*')])) {
      const words = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(' ').trim();
      if (!words || element.closest('.window, .visually-hidden, option') || !element.checkVisibility()) continue;
      const style = getComputedStyle(element);
      const under = ground(element);
      const [a, b] = [light(over(channels(style.color), under)), light(under)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) found.push(`${JSON.stringify(words.slice(0, 40))} ${ratio.toFixed(2)}`);
    }
    return [...new Set(found)];
  });
}
