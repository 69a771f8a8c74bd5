"""The losses beside the paper's (objectives.safetensors): clipped ratios of tokens and of sequences, SFT, DPO.

On the recorded samples of rloo.json, one sequence at a time. `old` is what was recorded before a rollout's first update.
"""
import json

import torch
from safetensors.torch import load_file

from reference import forward, load, save_tensors, shape, target_logprobs
from rloo import BETA, TEMPERATURE, aggregate, completion_logprobs, k3

EPSILON, EPSILON_HIGH = 0.2, 0.28
DPO_BETA = 0.3
LEVELS = ['token', 'sequence', 'sequence_sum']


def ratio_of(logprobs, old, lengths, level):
    """Per token, as TRL's GRPOTrainer (token, sequence) and RLOOTrainer (the sum over a sequence) take it."""
    difference = logprobs - old
    if level == 'token':
        return difference.exp()
    parts = difference.split(lengths)
    whole = [part.sum() if level == 'sequence_sum' else part.mean() for part in parts]
    return torch.cat([x.expand(n) for x, n in zip(whole, lengths)]).exp()


def surrogate(ratio, weight, high):
    return -torch.min(ratio * weight, ratio.clamp(1 - EPSILON, 1 + high) * weight)


def clip_shares(ratio, weight, high, lengths, level):
    low, up = (ratio < 1 - EPSILON) & (weight < 0), (ratio > 1 + high) & (weight > 0)
    if level != 'token':
        firsts = [sum(lengths[:i]) for i in range(len(lengths))]
        low, up = low[firsts], up[firsts]
    return torch.stack([low.float().mean(), up.float().mean()])


def sums(model, pairs, steering):
    """Σ_t log p of each (prompt, completion), at temperature 1."""
    return torch.stack([target_logprobs(forward(model, p + c, steering)[0], p + c)[-len(c):].sum() for p, c in pairs])


def dump(args):
    model = load(args.demo)
    rollouts, recorded = json.load(open(args.out / 'rloo.json')), load_file(args.out / 'rloo.safetensors')
    sequences = [(g['prompt_ids'], c['ids']) for g in rollouts['groups'] for c in g['completions']]
    lengths = [len(c) for _, c in sequences]
    weight = recorded['advantages.mean.group'].flatten().repeat_interleave(torch.tensor(lengths))
    ref = recorded['ref_logprobs']
    assert rollouts['temperature'] == TEMPERATURE

    generator = torch.Generator().manual_seed(32)
    tensors = {}
    # Far enough for the clip to act, at each level; a product over a sequence moves further than a mean. Noise on both
    # sides: away from the samples' own vectors every likelihood falls, and no ratio would be above the clip.
    for level, distance in zip(LEVELS, [0.3, 0.6, 0.2]):
        old_noise, noise = (distance * torch.randn(*shape(model), generator=generator) for _ in range(2))
        steering = (recorded['steering'] + noise).requires_grad_()
        logprobs, _ = completion_logprobs(model, sequences, steering)
        with torch.no_grad():
            old, _ = completion_logprobs(model, sequences, recorded['steering'] + old_noise)
        tensors[f'old_logprobs.{level}'] = old
        ratio = ratio_of(logprobs, old, lengths, level)
        tensors[f'steering.{level}'] = steering
        for name, high, beta, loss_type in [('symmetric', EPSILON, 0, 'grpo'), ('higher', EPSILON_HIGH, 0, 'dapo'),
                                            ('kl', EPSILON_HIGH, BETA, 'dr_grpo')]:
            loss = aggregate(surrogate(ratio, weight, high) + beta * k3(logprobs, ref), lengths, loss_type)
            grad, = torch.autograd.grad(loss, steering, retain_graph=True)
            shares = clip_shares(ratio, weight, high, lengths, level)
            # No ratio so close to the clip that rounding decides.
            assert min((ratio - edge).abs().min() for edge in (1 - EPSILON, 1 + high)) > 2e-5, 'choose another noise'
            assert 0 < shares.sum() < 0.9, (level, shares)
            tensors[f'loss.{level}.{name}'], tensors[f'grad.{level}.{name}'] = loss.detach().reshape(1), grad
            tensors[f'clip.{level}.{name}'] = shares
            print(f'  {level} {name}: loss {loss.item():.5f}, |grad| {grad.norm().item():.5f}, clipped {shares.tolist()}')

    steering = recorded['steering'].clone().requires_grad_()
    tokens = torch.cat([target_logprobs(forward(model, p + c, steering)[0], p + c)[-len(c):] for p, c in sequences])
    loss = -tokens.mean()
    tensors['loss.sft'], (tensors['grad.sft'],) = loss.detach().reshape(1), torch.autograd.grad(loss, steering)

    # The first completion of each prompt is preferred to the second.
    chosen, rejected = sequences[0::4], sequences[1::4]
    with torch.no_grad():
        ref_chosen, ref_rejected = sums(model, chosen, None), sums(model, rejected, None)
    rewards = [DPO_BETA * (sums(model, chosen, steering) - ref_chosen),
               DPO_BETA * (sums(model, rejected, steering) - ref_rejected)]
    loss = -torch.nn.functional.logsigmoid(rewards[0] - rewards[1]).mean()
    tensors['loss.dpo'], (tensors['grad.dpo'],) = loss.detach().reshape(1), torch.autograd.grad(loss, steering)
    tensors['rewards.dpo'] = torch.stack(rewards).detach()
    print(f'  sft {tensors["loss.sft"].item():.4f}, dpo {loss.item():.4f}, rewards {tensors["rewards.dpo"].tolist()}')
    save_tensors(args.out / 'objectives.safetensors', tensors)
