import { useState } from 'preact/hooks';
import { duration } from '../../../src/eval/figures.ts';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { type DownloadState, download, fetchModel, pause } from './downloads.ts';

/** Small models that the engine reads and that anybody may fetch. */
const SUGGESTIONS = [
  'HuggingFaceTB/SmolLM2-135M-Instruct',
  'Qwen/Qwen2.5-0.5B-Instruct',
  'Qwen/Qwen3-0.6B',
  'Qwen/Qwen2.5-1.5B-Instruct-GGUF:Q4_K_M',
];

export function FromHub({ busy }: { busy: boolean }) {
  const [name, setName] = useState('');
  const now = download.value;
  const start = (event: Event) => {
    event.preventDefault();
    void fetchModel(name.trim());
  };
  return (
    <article class="card">
      <h2>From the Hugging Face Hub</h2>
      <p class="sub">
        The only time that this page asks another computer for anything. What comes is kept in this browser, and is
        there without a connection the next time.
      </p>
      <form class="models-hub" onSubmit={start}>
        <label class="unseen" for="hub-name">
          Name on the Hub
        </label>
        <input
          id="hub-name"
          type="text"
          list="hub-suggestions"
          placeholder="owner/name, or owner/name:Q4_K_M for a GGUF file"
          autocomplete="off"
          spellcheck={false}
          required
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <datalist id="hub-suggestions">
          {SUGGESTIONS.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
        <button type="submit" class="primary" disabled={busy || now?.state === 'going'}>
          Fetch and load
        </button>
      </form>
      {now && <Download now={now} />}
    </article>
  );
}

function Download({ now }: { now: DownloadState }) {
  const { name, state, progress, rate, problem } = now;
  const left = progress && rate ? (progress.total - progress.done) / rate : undefined;
  const parts = [
    state === 'going' ? name : `${name}: ${state === 'paused' ? 'paused' : 'broken off'}`,
    progress && `${formatBytes(progress.done)} of ${formatBytes(progress.total)}`,
    state === 'going' && rate && `${formatBytes(rate)}/s`,
    state === 'going' && left !== undefined && `${duration(left)} left`,
    state === 'going' && progress?.file,
  ].filter(Boolean);
  return (
    <div class="models-download" data-state={state}>
      <progress
        aria-label={`Download of ${name}`}
        {...(progress ? { value: progress.done, max: progress.total } : {})}
      />
      <div class="models-title">
        <p class="sub" role="status">
          {parts.join(' · ')}
        </p>
        {state === 'going' ? (
          <button type="button" class="small" onClick={pause}>
            Pause
          </button>
        ) : (
          <button type="button" class="small" onClick={() => void fetchModel(name)}>
            {state === 'paused' ? 'Resume' : 'Try again from there'}
          </button>
        )}
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}
