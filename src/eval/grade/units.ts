import { CURRENCY } from './clean.ts';

/** Words after a number that change its value or add an alternative: with one of them it is not the number alone. */
const NOT_UNITS = new Set(
  `nor to versus vs not plus minus times over mod base more less fewer than at least most about between negative
  factorial infinity even odd remainder dozen dozens hundred hundreds thousand thousands million squared
  millions billion billions trillion score gross pair pairs couple half halves third thirds fourth fourths quarter quarters
  quadrillion quadrillions quintillion lakh lakhs crore crores cubed doubled tripled quadrupled halved below above zero
  under tenth tenths is are was if unless but maybe except because since so`
    .split(/\s+/)
    .filter(Boolean),
);
const FRACTION_WORD = /(?:fif|six|seven|eigh|nin|ten|eleven|twelf|teen|tie|hundred|thousand|million)ths?$/;

/** Units of measure by their names; one that stands alone in a row has no other name. */
const MEASURES = [
  ['cm', 'centimeter', 'centimetre'],
  ['mm', 'millimeter', 'millimetre'],
  ['km', 'kilometer', 'kilometre'],
  ['m', 'meter', 'metre'],
  ['in', 'inch', 'inche'],
  ['ft', 'foot', 'feet'],
  ['yd', 'yard'],
  ['mi', 'mile'],
  ['kg', 'kilogram'],
  ['g', 'gram'],
  ['mg', 'milligram'],
  ['lb'],
  ['pound'],
  ['ton', 'tonne'],
  ['oz', 'ounce'],
  ['ml', 'milliliter', 'millilitre'],
  ['l', 'liter', 'litre'],
  ['gal', 'gallon'],
  ['quart'],
  ['pint'],
  ['s', 'sec', 'second'],
  ['min', 'minute'],
  ['h', 'hr', 'hour'],
  ['day'],
  ['week'],
  ['month'],
  ['yr', 'year'],
  ['degree', 'deg'],
  ['radian', 'rad'],
  ['%', 'percent', 'percentage', 'pct'],
  ['dollar', 'usd', 'buck'],
  ['cent'],
  ['euro', 'eur'],
  ['gbp', 'sterling'],
  ['yen', 'jpy'],
  ['rupee', 'inr'],
  ['knot'],
  ['acre'],
  ['hectare'],
  ['fahrenheit'],
  ['celsius', 'centigrade'],
  ['kelvin'],
  ['hz', 'hertz'],
  ['khz', 'kilohertz'],
  ['mhz', 'megahertz'],
  ['ghz', 'gigahertz'],
  ['am'],
  ['pm'],
];
const CANONICAL = new Map(MEASURES.flatMap((names) => names.map((name) => [name, names[0] as string] as const)));

/** Units that are quotients by name. */
const QUOTIENTS: Readonly<Record<string, string>> = { mph: 'mi/h', kph: 'km/h', kmh: 'km/h', kmph: 'km/h' };
const POWERS: Readonly<Record<string, string>> = {
  square: '^2',
  squared: '^2',
  sq: '^2',
  cubic: '^3',
  cubed: '^3',
  cu: '^3',
};
/** Signs of currencies and the words for them. */
export const SIGNS: Readonly<Record<string, string>> = {
  [CURRENCY]: 'dollar',
  '€': 'euro',
  '£': 'gbp',
  '¥': 'yen',
  '₹': 'rupee',
};
const CURRENCIES = new Set(Object.values(SIGNS));

/** Whether a word before a number is a currency. */
export function isCurrency(word: string): boolean {
  return CURRENCIES.has(word);
}

/** What a unit that leaves something open may stand for. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  degree: ['fahrenheit', 'celsius'],
  pound: ['lb', 'gbp'],
};

function measureOf(word: string): string | undefined {
  return QUOTIENTS[word] ?? CANONICAL.get(word) ?? CANONICAL.get(word.replace(/s$/, ''));
}

const ABBREVIATIONS = new Set(['sq', 'cu']);

/** Whether letters written right after a number, with or without a space, are a unit and no product of variables. */
export function isMeasure(word: string): boolean {
  const lower = word.toLowerCase();
  return ABBREVIATIONS.has(lower) || (word.length > 1 && measureOf(lower) !== undefined);
}

/** Whether words after a value leave it what it is. */
export function areUnits(words: readonly string[]): boolean {
  return (
    words.length <= 8 &&
    words.every((word, i) => {
      // `5 cm squared`, but not `5 squared`.
      if (Object.hasOwn(POWERS, word) && measureOf(words[i - 1] ?? '') !== undefined) return true;
      return !NOT_UNITS.has(word) && !FRACTION_WORD.test(word);
    })
  );
}

/**
 * The unit of measure that the words name, with its power and what it is counted by (`cm^2`, `km/h`); undefined where they are
 * of another kind (`apples`, `square units`). The first one counts: `5 miles in all` are miles.
 */
export function measure(unit: string): string | undefined {
  const words = unit
    .replace(/\bper cent\b/g, 'percent')
    .replaceAll('/', ' per ')
    .replace(/\^\{?([23])\}?/g, (_, power) => (power === '2' ? ' square ' : ' cubic '))
    .split(/\s+/)
    .filter(Boolean);
  const base = words.find((word) => word.startsWith('base'));
  if (base) return base;
  const scale = words.map(measureOf).find((name) => name === 'fahrenheit' || name === 'celsius');
  if (scale) return scale;
  const at = words.findIndex((word) => measureOf(word) !== undefined);
  if (at < 0) return undefined;
  let name = withPower(words, at);
  for (let i = at + 1; i < words.length; i += 1) {
    if (!['per', 'a', 'an'].includes(words[i] as string)) continue;
    const next = Object.hasOwn(POWERS, words[i + 1] ?? '') ? i + 2 : i + 1;
    if (measureOf(words[next] ?? '') !== undefined) name += `/${withPower(words, next)}`;
  }
  return words[at - 1] === 'per' ? `/${name}` : name;
}

/** `square cm`, `cm squared`, `cm^2` with its power. */
function withPower(words: readonly string[], at: number): string {
  const [before, after] = [words[at - 1] ?? '', words[at + 1] ?? ''];
  const power = [before, after].find((word) => Object.hasOwn(POWERS, word));
  return `${measureOf(words[at] as string)}${power ? POWERS[power] : ''}`;
}

/** Whether two units of measure may be one: `degrees` may be those of Celsius, and `\$5` may be what an hour costs. */
export function sameMeasure(a: string, b: string): boolean {
  if (a === b) return true;
  return [[a, b] as const, [b, a] as const].some(
    ([open, full]) => OPEN[open]?.includes(full) || (isCurrency(open) && full.startsWith(`${open}/`)),
  );
}
