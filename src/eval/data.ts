import { closest } from 'fastest-levenshtein';
import { UserError } from '../gpu/errors.ts';
import { goldAnswer } from './grade/extract.ts';

/** One question with its gold answer. */
export interface Problem {
  question: string;
  /** The gold answer alone (`goldAnswer` of the column), never empty. */
  answer: string;
  /** Place in the file, from 0, blank lines not counted: what a run's random numbers and logs refer to. */
  index: number;
  /** `file:line` for messages. */
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
const SHOWN = 80;

type Row = Record<string, unknown>;

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function parseRow(line: string, source: string, first: boolean): Row {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    const way =
      first && line.startsWith('[') ? " A JSON array is not read: write one object a line (jq -c '.[]')." : '';
    throw new UserError(`${source}: one JSON object on the line was expected, found ${show(line)}.${way}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(
      `${source}: a JSON object like {"question": "…", "answer": "…"} was expected, found ${show(value)}.`,
    );
  }
  return value as Row;
}

function findKey(row: Row, given: string | undefined, known: readonly string[], what: string, source: string): string {
  const columns = Object.keys(row);
  if (given !== undefined) {
    if (Object.hasOwn(row, given)) return given;
    const near = columns.length > 0 ? ` Did you mean ${closest(given, columns)}?` : '';
    throw new UserError(
      `${source}: column ${given} (--${what}-key) was expected, found ${columns.join(', ') || 'none'}.${near}`,
    );
  }
  const found = known.find((key) => Object.hasOwn(row, key));
  if (found !== undefined) return found;
  throw new UserError(
    `${source}: a column ${known.join(', ')} was expected, found ${columns.join(', ') || 'none'}. Name the ${what}'s column with --${what}-key.`,
  );
}

function textOf(row: Row, key: string, source: string): string {
  const value = row[key];
  if (typeof value === 'string' && value.trim() !== '') return value.trim();
  throw new UserError(
    `${source}: text was expected in ${key}, found ${value === undefined ? 'no such column' : show(value)}.`,
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
  const fine = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
  const answer = fine ? goldAnswer(value) : '';
  if (answer !== '') return answer;
  throw new UserError(
    `${source}: an answer (text or number) was expected in ${key}, found ${value === undefined ? 'no such column' : show(value)}.`,
  );
}

/**
 * Reads problems from JSON lines: one object a line, the columns named or found by their usual names (GSM8K, MATH, MAWPS,
 * SVAMP and the demonstration's). A byte-order mark, CRLF and blank lines are fine.
 * @param text the file's text
 * @param name the file's name, for messages
 * @throws UserError `file:line: what was expected, found …`
 */
export function parseProblems(text: string, name: string, options: ProblemOptions = {}): Problem[] {
  const problems: Problem[] = [];
  let keys: { question: string; answer: string } | undefined;
  for (const [number, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim();
    if (line === '') continue;
    const source = `${name}:${number + 1}`;
    const row = parseRow(line, source, problems.length === 0);
    keys ??= {
      question: findKey(row, options.questionKey, QUESTION_KEYS, 'question', source),
      answer: findKey(row, options.answerKey, ANSWER_KEYS, 'answer', source),
    };
    const index = problems.length;
    problems.push({
      question: questionOf(row, keys.question, source),
      answer: answerOf(row, keys.answer, source),
      index,
      source,
    });
  }
  if (problems.length === 0) {
    throw new UserError(`${name}: problems were expected, one JSON object a line, found an empty file.`);
  }
  return problems;
}
