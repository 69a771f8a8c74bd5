import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { engine, inWords, model } from '../../app/engine.ts';
import type { DataChoice, DataPreview } from '../../worker/run_data.ts';
import { entered, suggest } from './recipe.ts';

/** The problems that a new run learns from. */
export const data = signal<DataChoice>({ kind: 'own' });
const hasOwn = signal(true);

/** Takes what the model that was loaded suggests: its own configuration and problems; `isFirst` since the page was opened. */
export async function takeDefaults(isFirst: boolean): Promise<void> {
  const { yaml, hasProblems } = await engine().training.defaults();
  suggest(yaml, isFirst);
  hasOwn.value = hasProblems;
  if (data.value.kind !== 'files') data.value = { kind: hasProblems ? 'own' : 'examples' };
}

/** Which problems: those of the model, the examples of the page, or a file. */
export function DataSettings() {
  const choice = data.value;
  const files = choice.kind === 'files' ? choice : undefined;
  return (
    <fieldset class="data-choice">
      <legend>Problems</legend>
      <div class="choices">
        {hasOwn.value && <Kind kind="own" title="of the model" />}
        {!hasOwn.value && <Kind kind="examples" title="examples" />}
        <Kind kind="files" title="a file of mine" />
      </div>
      {choice.kind === 'examples' && (
        <p class="help">Word problems in small numbers, as the demonstration model has them: to try a model with.</p>
      )}
      {files && (
        <>
          <FileField
            label="To learn from"
            file={files.train.size > 0 ? files.train : undefined}
            onPick={(train) => {
              data.value = { ...files, train };
            }}
          />
          <FileField
            label="Held out"
            file={files.test}
            onPick={(test) => {
              data.value = { ...files, test };
            }}
          />
          <p class="help">
            JSON lines, CSV or Parquet with a question and an answer in each row. Nothing is measured without a held-out
            file, unless a part is held out: <code>eval_split</code> (0.2: a fifth) under All settings, Task.
          </p>
        </>
      )}
    </fieldset>
  );
}

/** Nothing picked yet. */
const NO_FILE = new File([], 'no file');

function Kind({ kind, title }: { kind: DataChoice['kind']; title: string }) {
  return (
    <label>
      <input
        type="radio"
        name="data"
        value={kind}
        checked={data.value.kind === kind}
        onChange={() => {
          data.value = kind === 'files' ? { kind, train: NO_FILE } : { kind };
        }}
      />
      {title}
    </label>
  );
}

function FileField({ label, file, onPick }: { label: string; file: File | undefined; onPick: (file: File) => void }) {
  const preview = useSignal<DataPreview | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const keys = `${entered.value.question_key ?? ''} ${entered.value.answer_key ?? ''}`;
  useEffect(() => {
    let isCurrent = true;
    preview.value = undefined;
    problem.value = undefined;
    if (!file) return;
    const { question_key, answer_key } = entered.value;
    engine()
      .training.preview(file, { question_key, answer_key })
      .then(
        (found) => {
          if (isCurrent) preview.value = found;
        },
        (error: unknown) => {
          if (isCurrent) problem.value = inWords(error);
        },
      );
    return () => {
      isCurrent = false;
    };
  }, [file, keys, model.value]);
  return (
    <div class="file">
      <label>
        <span>{label}</span>
        <input
          type="file"
          name={label === 'Held out' ? 'eval_data' : 'data'}
          accept=".jsonl,.ndjson,.json,.csv,.tsv,.parquet"
          onChange={(event) => {
            const [picked] = event.currentTarget.files ?? [];
            if (picked) onPick(picked);
          }}
        />
      </label>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
      {preview.value && (
        <div class="preview">
          <p class="help">{`${preview.value.count.toLocaleString('en')} problems; the first:`}</p>
          <ol>
            {preview.value.first.map(({ question, answer, source }) => (
              <li key={source}>
                {question} <small>Answer: {answer}</small>
              </li>
            ))}
          </ol>
        </div>
      )}
    </div>
  );
}
