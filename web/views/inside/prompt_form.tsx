import { model } from '../../app/engine.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Switch } from '../../ui/fields.tsx';
import { Problem } from '../../ui/messages.tsx';
import { Progress } from '../../ui/progress.tsx';
import { asChat, cancel, chooseChat, problem, type Read, reading, text } from './state.ts';

interface PromptFormProps {
  readonly what: Read;
  /** Tokens of the longest prompt. */
  readonly most: number;
  readonly onRead: () => void;
}

/** The prompt that is looked into, with its button, how far it is, and what went wrong. */
export function PromptForm({ what, most, onRead }: PromptFormProps) {
  const busy = reading.value?.what === what ? reading.value : undefined;
  const room = Math.min(most, model.value?.maxPositions ?? most);
  return (
    <form
      class="inside-prompt"
      onSubmit={(event) => {
        event.preventDefault();
        onRead();
      }}
    >
      <Field label="Prompt" help={`Up to ${room} tokens. Ctrl and Enter read it.`}>
        <textarea
          rows={3}
          spellcheck={false}
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
          }}
        />
      </Field>
      <div class="row">
        <Button type="submit" kind="primary" disabled={!model.value || busy !== undefined}>
          Read
        </Button>
        {busy && <Button onClick={cancel}>Cancel</Button>}
        {model.value?.hasChatTemplate && (
          <Switch label="as a message in a chat" checked={asChat.value} onChange={chooseChat} />
        )}
      </div>
      {busy && (
        <Progress
          label="Reading"
          done={100 * (busy.share ?? 0)}
          {...(busy.share !== undefined && { total: 100 })}
          unit="percent"
        />
      )}
      <Problem message={problem.value?.what === what ? problem.value.text : undefined} />
    </form>
  );
}
