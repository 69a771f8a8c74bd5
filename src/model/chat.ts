import { Template } from '@huggingface/jinja';
import { UserError } from '../gpu/errors.ts';

/** One turn of a conversation. Templates know the roles `system`, `user` and `assistant`, some of them more. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

interface ChatOptions {
  /** Ends with the words that open the model's own turn. Default true. */
  readonly addGenerationPrompt?: boolean;
  readonly bos_token?: string | undefined;
  readonly eos_token?: string | undefined;
  /** Where the template was read, for messages. */
  readonly where?: string | undefined;
}

/** The last template, parsed: a data set is rendered with one template over and over. */
let last: { readonly source: string; readonly template: Template } | undefined;

/**
 * The text that a model's chat template (Jinja, as in tokenizer_config.json) makes of a conversation.
 * Encode it without adding special tokens: it has them.
 * @throws UserError when the template cannot be parsed or refuses the messages
 */
export function renderChat(template: string, messages: readonly ChatMessage[], options: ChatOptions = {}): string {
  try {
    if (last?.source !== template) {
      last = { source: template, template: new Template(template) };
    }
    return last.template.render({
      messages,
      add_generation_prompt: options.addGenerationPrompt ?? true,
      bos_token: options.bos_token ?? '',
      eos_token: options.eos_token ?? '',
    });
  } catch (error) {
    const from = options.where === undefined ? '' : ` (${options.where})`;
    const roles = messages.map(({ role }) => role).join(', ');
    throw new UserError(
      `The model's chat template${from} cannot render a conversation of ${roles}: ${(error as Error).message}`,
    );
  }
}
