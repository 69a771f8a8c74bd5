"""One RL step's loss on the demonstration model, from fixed samples and rewards, in every form that the trainer offers.

The batch is computed one sequence at a time: no padding, no shared prompt, nothing that a layout could get wrong.
"""
import torch

from demo_model import EOS, decode, problems, prompt_of, tokenizer
from reference import forward, load, log_softmax, save_json, save_tensors, shape

MAX_COMPLETION_LENGTH = 40
TEMPERATURE = 0.9  # of the loss; the samples are drawn at 1
BETA = 0.05
REWARDS = [[1, -1, -1, 1], [1, -1, -1, -1], [-1, -1, -1, -1]]  # a group without a signal still counts in N_tok


@torch.no_grad()
def sample(model, prompt_ids, generator):
    """A completion at temperature 1: its end-of-sequence token is part of it, at the cap it is cut off."""
    ids = list(prompt_ids)
    while len(ids) < len(prompt_ids) + MAX_COMPLETION_LENGTH:
        logits, _ = forward(model, ids)
        ids.append(int(torch.multinomial(logits[-1].softmax(-1), 1, generator=generator)))
        if ids[-1] == EOS:
            break
    return ids[len(prompt_ids):]


def advantages(rewards, kind, scale):
    """rewards [P, K] -> [P, K]; rloo: minus the mean of the others, mean: minus the group's mean; then TRL's scaling."""
    size = rewards.shape[1]
    total = rewards.sum(1, keepdim=True)
    out = rewards - (total - rewards) / (size - 1) if kind == 'rloo' else rewards - total / size
    if scale == 'group':
        return out / (rewards.std(1, keepdim=True) + 1e-4)
    return out / (rewards.std() + 1e-4) if scale == 'batch' else out


def completion_logprobs(model, sequences, steering):
    """Per token of every completion, in order: log-probability and the entropy of the distribution it was drawn from."""
    logprobs, entropies = [], []
    for prompt, completion in sequences:
        logits, _ = forward(model, prompt + completion, steering)
        rows = log_softmax(logits[len(prompt) - 1:-1], TEMPERATURE)
        logprobs.append(rows.gather(-1, torch.tensor(completion)[:, None])[:, 0])
        entropies.append(-(rows.exp() * rows).sum(-1))
    return torch.cat(logprobs), torch.cat(entropies)


def k3(logprobs, ref_logprobs):
    """Schulman's estimator of the KL divergence from the unsteered model, per token."""
    d = ref_logprobs - logprobs
    return d.exp() - d - 1


def aggregate(per_token, lengths, loss_type):
    """TRL's GRPO loss types: over the batch's tokens, over sequences then the batch, over the cap."""
    if loss_type == 'dapo':
        return per_token.sum() / sum(lengths)
    if loss_type == 'dr_grpo':
        return per_token.sum() / (len(lengths) * MAX_COMPLETION_LENGTH)
    return torch.stack([part.mean() for part in per_token.split(lengths)]).mean()


def dump(args):
    model, tok = load(args.demo), tokenizer(args)
    generator = torch.Generator().manual_seed(30)
    prompts = [prompt_of(p['question']) for p in problems(args, 'train')[:len(REWARDS)]]
    prompt_ids = [tok.encode(p).ids for p in prompts]
    completions = [[sample(model, ids, generator) for _ in row] for ids, row in zip(prompt_ids, REWARDS)]
    sequences = [(ids, completion) for ids, group in zip(prompt_ids, completions) for completion in group]
    lengths = [len(completion) for _, completion in sequences]

    # Strong enough that k3 is felt, weak enough that it is not all there is.
    steering = 0.4 * torch.randn(*shape(model), generator=generator)
    steering.requires_grad_()
    logprobs, entropies = completion_logprobs(model, sequences, steering)
    with torch.no_grad():
        ref_logprobs, _ = completion_logprobs(model, sequences, None)
    kl = k3(logprobs, ref_logprobs)

    rewards = torch.tensor(REWARDS, dtype=torch.float32)
    tensors = {'steering': steering, 'rewards': rewards, 'logprobs': logprobs, 'ref_logprobs': ref_logprobs,
               'k3': kl, 'entropy': entropies}
    for kind in 'rloo', 'mean':
        for scale in 'none', 'group', 'batch':
            tensors[f'advantages.{kind}.{scale}'] = advantages(rewards, kind, scale)
        weight = advantages(rewards, kind, 'none').flatten().repeat_interleave(torch.tensor(lengths))
        for loss_type in 'dapo', 'grpo', 'dr_grpo':
            for beta in 0, BETA:
                loss = aggregate(-weight * logprobs + beta * kl, lengths, loss_type)
                grad, = torch.autograd.grad(loss, steering, retain_graph=True)
                name = f'{kind}.{loss_type}.beta{beta}'
                tensors[f'loss.{name}'], tensors[f'grad.{name}'] = loss.detach().reshape(1), grad
                print(f'  {name}: loss {loss.item():.5f}, |grad| {grad.norm().item():.5f}')
    save_tensors(args.out / 'rloo.safetensors', tensors)
    save_json(args.out / 'rloo.json', {
        'temperature': TEMPERATURE, 'beta': BETA, 'max_completion_length': MAX_COMPLETION_LENGTH, 'n_tok': sum(lengths),
        'groups': [{'prompt': p, 'prompt_ids': ids, 'rewards': row, 'completions': [
            {'ids': c, 'text': decode(tok, c)} for c in group]}
            for p, ids, row, group in zip(prompts, prompt_ids, REWARDS, completions)]})
    print(f'  lengths {lengths}, N_tok {sum(lengths)}, mean k3 {kl.mean().item():.4f}')
