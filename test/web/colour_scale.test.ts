import { describe, expect, it } from 'vitest';
import { colourScale } from '../../web/ui/colour_scale.ts';

type RGB = [number, number, number];

function colours(kind: 'sequential' | 'diverging', dark: boolean): RGB[] {
  const { words } = colourScale(kind, dark);
  return Array.from(words, (word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255]);
}

const linear = (byte: number) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);

/** OKLab's lightness (Ottosson 2020), 0 to 1. */
function lightness(colour: RGB): number {
  const [r, g, b] = colour.map(linear) as RGB;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s;
}

/** What a colour is to who has no cones of a kind (Viénot, Brettel and Mollon 1999; Machado et al. 2009 at full severity). */
const BLIND = {
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

function seen(colour: RGB, matrix: readonly number[]): RGB {
  const rgb = colour.map(linear) as RGB;
  return [0, 3, 6].map((at) => rgb.reduce((sum, x, i) => sum + x * (matrix[at + i] as number), 0)) as RGB;
}

describe.each([false, true])('colours of numbers, dark: %s', (dark) => {
  it('go from paper to ink in even steps of lightness', () => {
    const steps = colours('sequential', dark).map(lightness);
    const whole = (steps[255] as number) - (steps[0] as number);
    expect(Math.abs(whole)).toBeGreaterThan(0.6);
    for (let i = 16; i < 256; i += 16) {
      const share = ((steps[i] as number) - (steps[0] as number)) / whole;
      expect(Math.abs(share - i / 255)).toBeLessThan(0.02);
    }
  });

  it('are as strong above nothing as below it', () => {
    const steps = colours('diverging', dark).map(lightness);
    for (let i = 0; i < 128; i++) expect(steps[i]).toBeCloseTo(steps[255 - i] as number, 1);
    expect(Math.abs((steps[0] as number) - (steps[127] as number))).toBeGreaterThan(0.4);
  });

  it.each(Object.entries(BLIND))('tell more from less to a %s eye', (_, matrix) => {
    const all = colours('diverging', dark).map((colour) => seen(colour, matrix));
    const [low, high] = [all[0], all[255]] as [RGB, RGB];
    expect(Math.hypot(...low.map((x, i) => x - (high[i] as number)))).toBeGreaterThan(0.2);
  });

  it.each(['sequential', 'diverging'] as const)('carry a text that can be read: %s', (kind) => {
    const scale = colourScale(kind, dark);
    const luminance = (colour: RGB) => {
      const [r, g, b] = colour.map(linear) as RGB;
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    colours(kind, dark).forEach((colour, i) => {
      const hex = scale.textOn(i / 255);
      const text = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as RGB;
      const [a, b] = [luminance(colour), luminance(text)].sort((x, y) => y - x) as [number, number];
      expect((a + 0.05) / (b + 0.05), `${colour} under ${hex}`).toBeGreaterThanOrEqual(4.5);
    });
  });
});
