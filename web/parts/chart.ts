// Draws a line with uPlot, in the text color of its place. Follows the width and the theme.

import uPlot from 'uplot';

export interface Chart {
  draw(times: readonly number[], values: readonly number[]): void;
  end(): void;
}

export function startChart(element: HTMLElement, height: number): Chart {
  const width = (): number => Math.max(20, element.clientWidth);
  const color = (): string => getComputedStyle(element).color;
  const plot = new uPlot(
    {
      width: width(),
      height,
      padding: [2, 2, 2, 2],
      legend: { show: false },
      cursor: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      axes: [{ show: false }, { show: false }],
      scales: { x: { time: true }, y: { range: (_plot, least, most) => [Math.min(0, least), most || 1] } },
      series: [{}, { stroke: color, width: 1.5, points: { show: false } }],
    },
    [[], []],
    element,
  );
  const sizes = new ResizeObserver(() => plot.setSize({ width: width(), height }));
  sizes.observe(element);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  const redraw = (): void => plot.redraw(false);
  scheme.addEventListener('change', redraw);
  const themes = new MutationObserver(redraw);
  themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  return {
    draw: (times, values) => plot.setData([times.map((time) => time / 1000), [...values]]),
    end() {
      sizes.disconnect();
      themes.disconnect();
      scheme.removeEventListener('change', redraw);
      plot.destroy();
    },
  };
}
