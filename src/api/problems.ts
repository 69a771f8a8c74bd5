import { openFile } from '#platform';
import { type Problem, type ProblemOptions, problemsOf } from '../eval/data.ts';
import { readTable } from '../eval/tables.ts';

/**
 * Problems of a JSON lines, CSV or Parquet file by path (Node) or URL (browser).
 * @throws UserError naming file and row of the first bad one
 */
export async function loadProblems(from: string, options: ProblemOptions = {}): Promise<Problem[]> {
  const file = await openFile(from);
  try {
    return problemsOf(await readTable(file, from), from, options);
  } finally {
    await file.close();
  }
}
