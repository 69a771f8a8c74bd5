"""The logit lens of the demonstration model's golden vectors, in f64: every score, and how the vectors lie to each other."""
import torch
from safetensors.torch import load_file

from reference import load, save_tensors


@torch.no_grad()
def dump(args):
    model = load(args.demo, dtype=torch.float64)
    vectors = load_file(args.out / 'demo.safetensors')['steering'].double()
    unembed, gamma = model.lm_head.weight, model.model.norm.weight

    def views(name, x):
        dots = x @ unembed.T
        return {
            f'{name}.dot': dots,
            f'{name}.cosine': dots / x.norm(dim=-1, keepdim=True) / unembed.norm(dim=-1),
        }

    singular = torch.linalg.svdvals(vectors)
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    tensors = {
        **views('raw', vectors),
        **views('final_norm', vectors * gamma),
        'norms': vectors.norm(dim=-1),
        'cosines': unit @ unit.T,
        'singular_values': singular,
        'stable_rank': (vectors.square().sum() / singular[0].square()).reshape(1),
    }
    save_tensors(args.out / 'lens.safetensors', {name: t.float() for name, t in tensors.items()})
