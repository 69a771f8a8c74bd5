import { closest } from 'fastest-levenshtein';
import { UserError } from '../gpu/errors.ts';
import { shown } from '../gpu/shown.ts';
import { goldAnswer } from './grade/extract.ts';
import { jsonRows, type TableRow } from './tables.ts';

/** One question with its gold answer. */
export interface Problem {
  question: string;
  /** The gold answer alone (`goldAnswer` of the column), never empty. */
  answer: string;
  /** Place among all problems that were read, from 0: what a run's random numbers and logs refer to. */
  index: number;
  /** `file:line` or `file: row N` for messages. */
  source: string;
}

export interface ProblemOptions {
  /** Column of the question; found by itself where not given. */
  questionKey?: string | undefined;
  /** Column of the answer; found by itself where not given. */
  answerKey?: string | undefined;
}

const QUESTION_KEYS = ['question', 'problem', 'input', 'Question'];
/** In this order: MATH has both a worked `solution` and the bare `answer`. */
const ANSWER_KEYS = ['answer', 'target', 'Answer', 'solution'];
type Row = TableRow['columns'];

/** The column that is named, or has one of the usual names; undefined where none has. @throws UserError for a named one that is missing */
function findKey(row: Row, given: string | undefined, known: readonly string[], what: string, source: string) {
  if (given === undefined) return known.find((key) => Object.hasOwn(row, key));
  if (Object.hasOwn(row, given)) return given;
  const columns = Object.keys(row);
  const near = columns.length > 0 ? ` Did you mean ${closest(given, columns)}?` : '';
  throw new UserError(
    `${source}: column ${given} (--${what}-key) was expected, found ${columns.join(', ') || 'none'}.${near}`,
  );
}

/** The columns of question and answer. @throws UserError that names both where both are missing */
function findKeys({ columns, source }: TableRow, options: ProblemOptions): { question: string; answer: string } {
  const question = findKey(columns, options.questionKey, QUESTION_KEYS, 'question', source);
  const answer = findKey(columns, options.answerKey, ANSWER_KEYS, 'answer', source);
  if (question !== undefined && answer !== undefined) return { question, answer };
  const missing = [
    ...(question === undefined ? [{ what: 'question', known: QUESTION_KEYS }] : []),
    ...(answer === undefined ? [{ what: 'answer', known: ANSWER_KEYS }] : []),
  ];
  const expected = missing.map(({ what, known }) => `a column for the ${what} (${known.join(', ')})`).join(' and ');
  const ways = missing.map(({ what }) => `--${what}-key`).join(' and ');
  const verb = missing.length > 1 ? 'were' : 'was';
  throw new UserError(
    `${source}: ${expected} ${verb} expected, found ${Object.keys(columns).join(', ') || 'none'}. Name what is missing with ${ways}.`,
  );
}

function textOf(row: Row, key: string, source: string): string {
  const value = row[key];
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  throw new UserError(
    `${source}: text was expected in ${key}, found ${value === undefined ? 'no such column' : shown(value)}.`,
  );
}

function questionOf(row: Row, key: string, source: string): string {
  const question = textOf(row, key, source);
  if (key !== 'Question' || !Object.hasOwn(row, 'Body')) return question;
  // SVAMP keeps the story apart from its question and leaves out the story's full stop.
  const body = textOf(row, 'Body', source);
  return `${/[.!?]$/.test(body) ? body : `${body}.`} ${question}`;
}

function answerOf(row: Row, key: string, source: string): string {
  const value = row[key];
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new UserError(`${source}: the number in ${key} has more digits than JSON numbers keep. Write it in quotes.`);
  }
  const fine = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
  const answer = fine ? goldAnswer(value) : '';
  if (answer !== '') return answer;
  throw new UserError(
    `${source}: an answer (text or number) was expected in ${key}, found ${value === undefined ? 'no such column' : shown(value)}.`,
  );
}

/**
 * Problems of a table's rows, the columns named or found by their usual names (GSM8K, MATH, MAWPS, SVAMP and the
 * demonstration's).
 * @param name the file's, for messages
 * @param offset the index of the first problem: those of several files count on
 * @throws UserError naming the row, what was expected and what is there
 */
export function problemsOf(
  rows: readonly TableRow[],
  name: string,
  options: ProblemOptions = {},
  offset = 0,
): Problem[] {
  const [first] = rows;
  if (!first) throw new UserError(`${name}: problems were expected, one row each, found none.`);
  const keys = findKeys(first, options);
  return rows.map(({ columns, source }, i) => ({
    question: questionOf(columns, keys.question, source),
    answer: answerOf(columns, keys.answer, source),
    index: offset + i,
    source,
  }));
}

/** Problems of a text of JSON lines, as `problemsOf`. */
export function parseProblems(text: string, name: string, options: ProblemOptions = {}, offset = 0): Problem[] {
  return problemsOf(jsonRows(text, name), name, options, offset);
}
