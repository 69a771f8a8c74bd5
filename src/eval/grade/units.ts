/** Words after a number that change its value or add an alternative: with one of them it is not the number alone. */
const NOT_UNITS = new Set(
  `nor to versus vs not plus minus times over mod base more less fewer than at least most about between negative
  factorial infinity even odd remainder dozen dozens hundred hundreds thousand thousands million squared
  millions billion billions trillion score gross pair pairs couple half halves third thirds fourth fourths quarter quarters
  tenth tenths is are was if unless but maybe except because since so`
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
  ['lb', 'pound'],
  ['oz', 'ounce'],
  ['ml', 'milliliter', 'millilitre'],
  ['l', 'liter', 'litre'],
  ['gal', 'gallon'],
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
  ['mph'],
  ['acre'],
  ['am'],
  ['pm'],
];
const CANONICAL = new Map(MEASURES.flatMap((names) => names.map((name) => [name, names[0] as string] as const)));

function measureOf(word: string): string | undefined {
  return CANONICAL.get(word) ?? CANONICAL.get(word.replace(/s$/, ''));
}

const ABBREVIATIONS = new Set(['sq', 'cu']);

/** Whether letters written right after a number, with or without a space, are a unit and no product of variables. */
export function isMeasure(word: string): boolean {
  const lower = word.toLowerCase();
  return ABBREVIATIONS.has(lower) || (word.length > 1 && measureOf(lower) !== undefined);
}

/** Whether words after a value leave it what it is. */
export function areUnits(words: readonly string[]): boolean {
  return words.length <= 8 && words.every((word) => !NOT_UNITS.has(word) && !FRACTION_WORD.test(word));
}

/** The unit of measure that the words name, undefined where they are of another kind (`apples`, `square units`). */
export function measure(unit: string): string | undefined {
  for (const word of unit.split(' ')) {
    const found = word.startsWith('base') ? word : measureOf(word);
    if (found) return found;
  }
  return undefined;
}
