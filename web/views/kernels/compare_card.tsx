import { useState } from 'preact/hooks';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Field } from '../../ui/fields.tsx';
import { FileButton } from '../../ui/file_button.tsx';
import { Problem } from '../../ui/messages.tsx';
import { compared, compareProblem, compareWith, forget, saved } from './state.ts';

/** Another run beside this one: a saved one, a file of `trimtab bench --json`, or a pasted text. */
export function CompareCard() {
  const [pasted, setPasted] = useState('');
  const open = async ([file]: readonly File[]) => file && compareWith(file.name, await file.text());
  const against = compared.value;
  return (
    <Card
      title="Compare"
      sub={
        against
          ? `With ${against.name}: ${against.run.rows.length} rows of ${against.run.environment.adapter ?? 'an adapter without a name'}.`
          : 'With a run of another day, another browser, or of the command line.'
      }
      actions={
        against && (
          <Button small onClick={() => (compared.value = undefined)}>
            Compare no more
          </Button>
        )
      }
    >
      {saved.value.length > 0 && (
        <ul class="saved-runs">
          {saved.value.map(({ name, text }) => (
            <li key={name}>
              <span>{name}</span>
              <Button small onClick={() => compareWith(name, text)}>
                Compare
              </Button>
              <Button small kind="quiet" aria-label={`Forget ${name}`} onClick={() => forget(name)}>
                Forget
              </Button>
            </li>
          ))}
        </ul>
      )}
      <Field label="JSON of trimtab bench --json, or of Copy JSON">
        <textarea
          name="other-run"
          rows={3}
          spellcheck={false}
          value={pasted}
          onInput={(event) => setPasted(event.currentTarget.value)}
        />
      </Field>
      <div class="row">
        <Button small disabled={pasted.trim() === ''} onClick={() => compareWith('the pasted run', pasted)}>
          Compare with this
        </Button>
        <FileButton small accept=".json,.jsonl,.txt" onFiles={(files) => void open(files)}>
          Open a file…
        </FileButton>
      </div>
      <Problem message={compareProblem.value} />
    </Card>
  );
}
