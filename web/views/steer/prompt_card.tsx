import type { Signal } from '@preact/signals';
import { model } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Choice, Field } from '../../ui/fields.tsx';
import { Problem } from '../../ui/messages.tsx';
import { newConversation, run, stop } from './run.ts';
import * as state from './state.ts';

const MODES: Readonly<Record<state.Mode, string>> = { chat: 'Chat', question: 'Question', text: 'Text' };

/** What the model is asked, in the format that it knows. */
export function PromptCard() {
  const mode = state.mode.value;
  const { chat, ...others } = MODES;
  const modes = model.value?.hasChatTemplate ? { chat, ...others } : (others as typeof MODES);
  return (
    <form
      class="card stack steer-prompt"
      aria-label="Prompt"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <div class="steer-bar">
        <Choice
          label="How the prompt is put"
          quiet
          value={mode}
          options={modes}
          onChange={(value) => {
            state.mode.value = value;
          }}
        />
        {mode === 'question' && <FormatChoice />}
        {mode === 'chat' && (
          <Button small onClick={newConversation} disabled={!state.asked.value}>
            New conversation
          </Button>
        )}
      </div>
      {mode === 'chat' && <SystemLine />}
      {mode === 'question' && <Lines label="Question" of={state.question} />}
      {mode === 'text' && <Lines label="Text to continue" of={state.text} />}
      {mode === 'chat' && <Lines label={state.asked.value ? 'Next message' : 'Message'} of={state.message} />}
      {mode !== 'text' && <Examples into={mode === 'chat' ? state.message : state.question} />}
      <div class="steer-bar">
        <RunButtons />
        {mode === 'question' && <Asked />}
      </div>
      <Problem message={state.problem.value} />
    </form>
  );
}

function RunButtons() {
  const busy = state.running.value !== undefined;
  return (
    <div class="row steer-buttons">
      <Button
        type="submit"
        kind="primary"
        id="steer-run"
        disabled={!model.value}
        aria-keyshortcuts="Control+Enter"
        data-keys="Ctrl ↵"
      >
        {state.mode.value === 'chat' ? 'Send' : 'Generate'}
      </Button>
      <Button id="steer-stop" onClick={stop} disabled={!busy} aria-keyshortcuts="Escape" data-keys="Esc">
        Stop
      </Button>
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
  const at = all.findIndex(({ question }) => question === into.value.trim());
  const next = () => {
    into.value = all[(at + 1) % all.length]?.question ?? '';
  };
  return (
    <div class="row">
      <Button small onClick={next}>
        {at < 0 ? 'Take an example' : 'Next example'}
      </Button>
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
    <Field label={label}>
      <textarea
        rows={3}
        spellcheck={false}
        value={of.value}
        onInput={(event) => {
          of.value = event.currentTarget.value;
        }}
      />
    </Field>
  );
}

function SystemLine() {
  return (
    <Field label="System line">
      <input
        type="text"
        placeholder="None"
        value={state.system.value}
        onInput={(event) => {
          state.system.value = event.currentTarget.value;
        }}
      />
    </Field>
  );
}
