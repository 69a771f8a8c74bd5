"""Ten steps of torch's AdamW on fixed gradients (adamw.safetensors): warm-up, the clip, a step without gradient."""
import torch

from reference import save_tensors

STEPS = 10
LEARNING_RATE = 0.01
WARMUP = 3
CLIP = 2.0


class Optimiser:
    """AdamW on one parameter [L, C] that starts at zero, as the paper trains it: one norm for the clip, no decay."""

    def __init__(self, size, dtype=torch.float32):
        self.param = torch.nn.Parameter(torch.zeros(size, dtype=dtype))
        self.adamw = torch.optim.AdamW([self.param], lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0)
        self.params, self.norms, self.lrs = [], [], []

    def step(self, grad):
        """lr * min(1, (t + 1) / W), t from 0. Keeps the norm before the clip and the parameter after the step."""
        lr = LEARNING_RATE * min(1, (len(self.params) + 1) / WARMUP)
        self.adamw.param_groups[0]['lr'] = lr
        self.param.grad = grad.clone()
        self.norms.append(torch.nn.utils.clip_grad_norm_([self.param], CLIP).reshape(()))
        self.adamw.step()
        self.lrs.append(lr)
        self.params.append(self.param.detach().clone())

    def tensors(self):
        return {'params': torch.stack(self.params), 'norms': torch.stack(self.norms).detach(),
                'lrs': torch.tensor(self.lrs, dtype=self.param.dtype)}


def dump(args):
    generator = torch.Generator().manual_seed(40)
    grads = torch.randn(STEPS, 3, 50, generator=generator)
    # Norms from far below the clip to above it, a step without gradient (it still moves by its momentum), and a spread
    # of magnitudes within each gradient so that eps = 1e-8 is felt by the smallest.
    scale = torch.tensor([1, 0.01, 0.3, 3, 0, 1e-4, 0.5, 0.05, 1, 0.1])
    grads = grads * scale[:, None, None] * torch.logspace(0, -6, 50)
    optimiser = Optimiser(grads.shape[1:])
    for grad in grads:
        optimiser.step(grad)
    tensors = {'grads': grads, **optimiser.tensors()}
    norms = tensors['norms'].tolist()
    assert norms[0] > CLIP > norms[1] > 0 == norms[4], norms
    save_tensors(args.out / 'adamw.safetensors', tensors)
    print('  norms', ' '.join(f'{n:.3g}' for n in norms))
