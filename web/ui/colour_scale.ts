/**
 * Colours for numbers. Both scales change lightness in even steps in OKLab (Ottosson 2020), so that equal differences look equal, and
 * tell their values apart by lightness or by blue against orange, which people with any usual colour blindness see.
 */
export interface ColourScale {
  /** 256 colours as ImageData has them on a little-endian machine: 0xAABBGGRR. */
  readonly words: Uint32Array;
  /** `rgb(…)` of a share from 0 to 1. */
  css(share: number): string;
  /** What is readable on it. */
  textOn(share: number): string;
}

type Stop = readonly [lightness: number, chroma: number, hue: number];

/** Paper to ink, over straw and sea; in the dark the other way round: nothing is as dark as the card. */
const SEQUENTIAL: Readonly<Record<'light' | 'dark', readonly Stop[]>> = {
  light: [
    [0.975, 0.012, 100],
    [0.755, 0.085, 165],
    [0.535, 0.1, 225],
    [0.315, 0.085, 262],
  ],
  dark: [
    [0.24, 0.03, 255],
    [0.465, 0.095, 240],
    [0.69, 0.1, 190],
    [0.915, 0.1, 105],
  ],
};

/** Less than nothing in blue, more in vermilion, equally strong. */
const DIVERGING: Readonly<Record<'light' | 'dark', readonly Stop[]>> = {
  light: [
    [0.5, 0.1, 242],
    [0.97, 0.004, 250],
    [0.5, 0.17, 35],
  ],
  dark: [
    [0.76, 0.11, 237],
    [0.25, 0.02, 250],
    [0.76, 0.14, 45],
  ],
};

const made = new Map<string, ColourScale>();

/** The scale of a kind on light or dark paper: 0 to 1 are nothing to all, or the most below zero to the most above it. */
export function colourScale(kind: 'sequential' | 'diverging', dark: boolean): ColourScale {
  const key = `${kind} ${dark}`;
  let scale = made.get(key);
  if (!scale) {
    scale = scaleOf((kind === 'sequential' ? SEQUENTIAL : DIVERGING)[dark ? 'dark' : 'light']);
    made.set(key, scale);
  }
  return scale;
}

function scaleOf(stops: readonly Stop[]): ColourScale {
  const labs = stops.map(([l, c, h]) => [l, c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)]);
  const colours = Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (labs.length - 1);
    const low = Math.min(Math.floor(at), labs.length - 2);
    const [from, to] = [labs[low] as number[], labs[low + 1] as number[]];
    return bytesOf(from.map((x, axis) => x + (at - low) * ((to[axis] as number) - x)));
  });
  const words = Uint32Array.from(colours, ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0);
  const index = (share: number) => Math.round(255 * Math.min(1, Math.max(0, share)));
  const texts = colours.map((colour) => (luminance(colour) > EVEN ? '#000000' : '#ffffff'));
  return {
    words,
    css: (share) => `rgb(${(colours[index(share)] as Bytes).join(' ')})`,
    textOn: (share) => texts[index(share)] as string,
  };
}

type Bytes = readonly [number, number, number];

/** sRGB of an OKLab colour, cut to what screens show. */
function bytesOf(lab: readonly number[]): Bytes {
  const [l, a, b] = lab as [number, number, number];
  const [x, y, z] = [
    (l + 0.3963377774 * a + 0.2158037573 * b) ** 3,
    (l - 0.1055613458 * a - 0.0638541728 * b) ** 3,
    (l - 0.0894841775 * a - 1.291485548 * b) ** 3,
  ];
  const linear = [
    4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
    -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
    -0.0041960863 * x - 0.7034186147 * y + 1.707614701 * z,
  ];
  return linear.map((value) => {
    const v = Math.min(1, Math.max(0, value));
    return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
  }) as unknown as Bytes;
}

/** Where black and white stand out equally, 4.6 to 1: the only pair that reaches 4.5 on every colour. */
const EVEN = Math.sqrt(0.05 * 1.05) - 0.05;

/** Relative luminance as WCAG has it, 0 to 1. */
function luminance(colour: Bytes): number {
  const [r, g, b] = colour.map((byte) => {
    const v = byte / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
