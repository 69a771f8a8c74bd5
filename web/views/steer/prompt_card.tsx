import type { Signal } from '@preact/signals';
import { model } from '../../app/engine.ts';
import { newConversation, run, stop } from './run.ts';
import * as state from './state.ts';

const MODES: Readonly<Record<state.Mode, string>> = { chat: 'Chat', question: 'Question', text: 'Text' };

/** What the model is asked, in the format that it knows. */
export function PromptCard() {
  const mode = state.mode.value;
  const hasChat = model.value?.hasChatTemplate ?? false;
  const modes = (Object.keys(MODES) as state.Mode[]).filter((name) => name !== 'chat' || hasChat);
  return (
    <form
      class="card steer-prompt"
      aria-label="Prompt"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <div class="steer-bar">
        <fieldset class="steer-modes">
          <legend class="steer-unseen">How the prompt is put</legend>
          {modes.map((name) => (
            <label key={name} class="steer-mode">
              <input
                type="radio"
                name="steer-mode"
                checked={mode === name}
                onChange={() => {
                  state.mode.value = name;
                }}
              />
              {MODES[name]}
            </label>
          ))}
        </fieldset>
        {mode === 'question' && <FormatChoice />}
        {mode === 'chat' && (
          <button type="button" class="steer-small" onClick={newConversation} disabled={!state.asked.value}>
            New conversation
          </button>
        )}
      </div>
      {mode === 'chat' && <Line label="System line" of={state.system} placeholder="None" />}
      {mode === 'question' && <Lines label="Question" of={state.question} />}
      {mode === 'text' && <Lines label="Text to continue" of={state.text} />}
      {mode === 'chat' && <Lines label={state.asked.value ? 'Next message' : 'Message'} of={state.message} />}
      {mode !== 'text' && <Examples into={mode === 'chat' ? state.message : state.question} />}
      <div class="steer-bar">
        <RunButtons />
        {mode === 'question' && <Asked />}
      </div>
      {state.problem.value && (
        <p class="steer-problem" role="alert">
          {state.problem.value}
        </p>
      )}
    </form>
  );
}

function RunButtons() {
  const busy = state.running.value !== undefined;
  return (
    <div class="steer-buttons">
      <button
        type="submit"
        id="steer-run"
        class="primary"
        disabled={!model.value}
        aria-keyshortcuts="Control+Enter"
        data-keys="Ctrl ↵"
      >
        {state.mode.value === 'chat' ? 'Send' : 'Generate'}
      </button>
      <button type="button" id="steer-stop" onClick={stop} disabled={!busy} aria-keyshortcuts="Escape" data-keys="Esc">
        Stop
      </button>
    </div>
  );
}

function FormatChoice() {
  return (
    <label class="steer-inline">
      Asked as
      <select
        name="steer-format"
        value={state.format.value}
        onChange={(event) => {
          state.format.value = event.currentTarget.value;
        }}
      >
        {state.formats.value.map(({ name, examples }) => (
          <option key={name} value={name}>
            {name}
            {examples > 0 ? ` (${examples} worked examples)` : ''}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The template, so that nobody has to guess what the model reads. */
function Asked() {
  const format = state.formats.value.find(({ name }) => name === state.format.value);
  return format ? <code class="steer-template">{format.template.replaceAll('\n', '↵')}</code> : null;
}

function Examples({ into }: { into: Signal<string> }) {
  const all = state.examples.value;
  if (all.length === 0) return null;
  const next = (step: number) => {
    const at = all.findIndex(({ question }) => question === into.value.trim());
    into.value = all[(at + step + all.length) % all.length]?.question ?? '';
  };
  const at = all.findIndex(({ question }) => question === into.value.trim());
  return (
    <div class="steer-examples">
      <button type="button" class="steer-small" onClick={() => next(1)}>
        {at < 0 ? 'Take an example' : 'Next example'}
      </button>
      <small>
        {at < 0
          ? `${all.length} questions that the demonstration is measured with.`
          : `${at + 1} of ${all.length}; the right answer is ${all[at]?.answer}.`}
      </small>
    </div>
  );
}

function Lines({ label, of }: { label: string; of: Signal<string> }) {
  return (
    <label class="steer-field">
      {label}
      <textarea
        rows={3}
        spellcheck={false}
        value={of.value}
        onInput={(event) => (of.value = event.currentTarget.value)}
      />
    </label>
  );
}

function Line({ label, of, placeholder }: { label: string; of: Signal<string>; placeholder: string }) {
  return (
    <label class="steer-field">
      {label}
      <input
        type="text"
        placeholder={placeholder}
        value={of.value}
        onInput={(event) => (of.value = event.currentTarget.value)}
      />
    </label>
  );
}
