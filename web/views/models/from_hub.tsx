import { useState } from 'preact/hooks';
import { modelLoading } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Card } from '../../ui/card.tsx';
import { Field } from '../../ui/fields.tsx';
import { Problem } from '../../ui/messages.tsx';
import { Progress } from '../../ui/progress.tsx';
import { type DownloadState, download, fetchModel, forget, pause } from './downloads.ts';

/** Small models that the engine reads and that anybody may fetch. */
const SUGGESTIONS = [
  'HuggingFaceTB/SmolLM2-135M-Instruct',
  'Qwen/Qwen2.5-0.5B-Instruct',
  'Qwen/Qwen3-0.6B',
  'Qwen/Qwen2.5-1.5B-Instruct-GGUF:Q4_K_M',
];

export function FromHub() {
  const [name, setName] = useState('');
  const now = download.value;
  return (
    <Card
      title="From the Hugging Face Hub"
      sub="The only time that this page asks another computer for anything. What comes is kept in this browser, and is there without a connection the next time."
    >
      <form
        class="models-hub"
        onSubmit={(event) => {
          event.preventDefault();
          void fetchModel(name.trim());
        }}
      >
        <Field label="Name on the Hub" help="owner/name; for a GGUF file owner/name:Q4_K_M or owner/name/file.gguf">
          <input
            name="hub-name"
            type="text"
            list="hub-suggestions"
            placeholder={SUGGESTIONS[0]}
            autocomplete="off"
            spellcheck={false}
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </Field>
        <datalist id="hub-suggestions">
          {SUGGESTIONS.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <Button type="submit" kind="primary" disabled={modelLoading.value !== undefined || now?.state === 'going'}>
          Fetch and load
        </Button>
      </form>
      {now && <Download now={now} />}
    </Card>
  );
}

function Download({ now: { name, state, progress, problem } }: { now: DownloadState }) {
  const what = { going: 'Fetching', paused: 'Paused:', broken: 'Broken off:' }[state];
  const resume = (
    <div class="row">
      <Button small onClick={() => void fetchModel(name)}>
        Resume
      </Button>
      <Button small kind="quiet" onClick={forget}>
        Leave it
      </Button>
    </div>
  );
  return (
    <div class="models-download" data-state={state}>
      {state === 'going' || progress ? (
        <Progress
          label={`${what} ${name}${progress ? `, ${progress.file}` : ''}`}
          done={progress?.done ?? 0}
          total={progress?.total}
          unit="bytes"
          paused={state !== 'going'}
        />
      ) : (
        <p>
          {what} {name}
        </p>
      )}
      <Problem message={problem} />
      {state === 'going' ? (
        <Button small onClick={pause}>
          Pause
        </Button>
      ) : (
        resume
      )}
    </div>
  );
}
