import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { points } from '../../../src/eval/figures.ts';
import type { AccuracyPair } from '../../../src/eval/stats.ts';
import { formatBytes } from '../../../src/gpu/bytes.ts';
import { handleOf } from '../../app/drop.ts';
import { engine, inWords, model } from '../../app/engine.ts';
import type { GivenFile } from '../../worker/run_files.ts';
import type { RunInfo } from '../../worker/runs.ts';
import { data } from './data_choice.tsx';
import { pickRunFolder, saveZip } from './give_out.ts';
import { deleteRun, isBusy, kept, listRuns, openRun, problem, resumeRun, run } from './run_state.ts';

/** Runs in this browser's storage for the page, and the door for those of the command line. */
export function KeptRuns() {
  const runs = kept.value;
  const isDropping = useSignal(false);
  return (
    <section
      class={`card kept ${isDropping.value ? 'dropping' : ''}`}
      aria-labelledby="kept-title"
      onDragOver={(event) => {
        event.preventDefault();
        isDropping.value = true;
      }}
      onDragLeave={() => {
        isDropping.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        isDropping.value = false;
        void dropped(event.dataTransfer);
      }}
    >
      <header>
        <div>
          <h2 id="kept-title">Kept runs</h2>
          <p class="sub">in this browser's storage; nothing is sent anywhere</p>
        </div>
        <OpenFolder />
      </header>
      {runs && runs.length === 0 && (
        <p class="empty">
          None yet. A run is kept while it trains, step by step. A run folder of the command line can be opened or
          dropped here.
        </p>
      )}
      {runs && runs.length > 0 && (
        <section class="scroll" aria-label="Kept runs">
          <table>
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">Model</th>
                <th scope="col">Steps</th>
                <th scope="col">Greedy, before → after</th>
                <th scope="col">Size</th>
                <th scope="col">
                  <span class="unseen">What to do with it</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.map((info) => (
                <Row key={info.name} info={info} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

/** The newest run that was interrupted, as by a reload or a crashed tab: where there is one, it is what the reader came back for. */
export function Unfinished() {
  const runs = (kept.value ?? []).filter(
    ({ finished, problem, steps }) => !finished && problem === undefined && steps > 0,
  );
  const newest = runs.toSorted((a, b) => b.date - a.date)[0];
  if (!newest) return null;
  const { name, steps, maxSteps, identity, model: wanted } = newest;
  const isHere = model.value?.identity === identity;
  return (
    <section class="card unfinished" aria-label="A run to go on with">
      <p>
        <b>{name}</b> is saved after {steps} of {maxSteps} steps.
        {model.value && !isHere && ` Load ${wanted} under Models to go on with it.`}
      </p>
      <div class="buttons">
        <button type="button" class="primary" disabled={!isHere} onClick={() => void resume(name)}>
          Resume
        </button>
        <button type="button" onClick={() => void openRun(name)}>
          Open
        </button>
      </div>
    </section>
  );
}

function Row({ info }: { info: RunInfo }) {
  const isAsked = useSignal(false);
  const { name, steps, maxSteps } = info;
  const isShown = run.value?.name === name;
  const isHere = model.value?.identity === info.identity;
  return (
    <tr aria-current={isShown || undefined} data-run={name}>
      <th scope="row">
        <b>{name}</b>
        <small>{new Date(info.date).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}</small>
        {info.problem !== undefined && <p class="problem">{info.problem}</p>}
      </th>
      <td>{info.model}</td>
      <td>{info.problem === undefined && (info.finished ? steps : `${steps} of ${maxSteps}`)}</td>
      <td>
        {greedy(info.base)} → {greedy(info.steered)}
      </td>
      <td>{formatBytes(info.bytes)}</td>
      <td class="actions">
        {info.problem === undefined && (
          <button type="button" disabled={isBusy()} onClick={() => void openRun(name)}>
            Open
          </button>
        )}
        {info.problem === undefined && !info.finished && (
          <button
            type="button"
            disabled={isBusy() || !isHere}
            title={isHere ? undefined : `Load ${info.model} under Models first`}
            onClick={() => void resume(name)}
          >
            Resume
          </button>
        )}
        <button type="button" onClick={() => void zip(name)}>
          .zip
        </button>
        <button
          type="button"
          class={isAsked.value ? 'danger' : ''}
          disabled={isBusy() && isShown}
          onBlur={() => {
            isAsked.value = false;
          }}
          onClick={() => {
            if (isAsked.value) void deleteRun(name);
            else isAsked.value = true;
          }}
        >
          {isAsked.value ? 'Delete it?' : 'Delete'}
        </button>
      </td>
    </tr>
  );
}

function greedy(pair: AccuracyPair | undefined): string {
  return pair ? `${points(pair.greedy.accuracy)} %` : '–';
}

async function resume(name: string): Promise<void> {
  await openRun(name);
  const choice = data.value.kind === 'files' ? data.value : undefined;
  if (run.value?.name === name) await resumeRun({}, choice);
}

async function zip(name: string): Promise<void> {
  try {
    await saveZip(name);
  } catch (error) {
    problem.value = inWords(error);
  }
}

function OpenFolder() {
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const pick = async () => {
    try {
      const handle = await pickRunFolder();
      if (handle) await add(handle);
      else folder.current?.click();
    } catch (error) {
      if ((error as Error).name !== 'AbortError') problem.value = inWords(error);
    }
  };
  return (
    <div class="buttons">
      <button type="button" onClick={() => void pick()}>
        Open a run folder…
      </button>
      <button type="button" onClick={() => archive.current?.click()}>
        Open a .zip…
      </button>
      <input
        ref={folder}
        type="file"
        name="run_folder"
        aria-label="A run folder"
        class="unseen"
        tabIndex={-1}
        {...{ webkitdirectory: true }}
        onChange={(event) => void added(event.currentTarget)}
      />
      <input
        ref={archive}
        type="file"
        name="run_zip"
        aria-label="A zip archive of a run folder"
        class="unseen"
        tabIndex={-1}
        accept=".zip"
        onChange={(event) => void added(event.currentTarget)}
      />
    </div>
  );
}

async function added(input: HTMLInputElement): Promise<void> {
  const files = [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  // The same may be picked again, after it was mended.
  input.value = '';
  await add(files);
}

async function dropped(transfer: DataTransfer | null): Promise<void> {
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  const files = [...(transfer?.files ?? [])].map((file) => ({ path: file.name, file }));
  const handles = await Promise.all(items.map((item) => handleOf(item)));
  const folder = handles.find((handle) => handle?.kind === 'directory');
  await add(folder ? (folder as FileSystemDirectoryHandle) : files);
}

async function add(given: FileSystemDirectoryHandle | readonly GivenFile[]): Promise<void> {
  problem.value = undefined;
  try {
    const name = await engine().runs.add(given);
    await listRuns();
    if (!isBusy()) await openRun(name);
  } catch (error) {
    problem.value = inWords(error);
  }
}
