"""Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011): known-answer vectors."""
import random

from reference import save_json

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
MASK = 0xFFFFFFFF

# tests/kat_vectors of the Random123 distribution: counter, key, result.
RANDOM123 = [
    ('00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'),
    ('ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'),
    ('243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'),
]


def philox(counter, key):
    x, k = list(counter), list(key)
    for _ in range(ROUNDS):
        product = MULTIPLIERS[0] * x[0], MULTIPLIERS[1] * x[2]
        x = [product[1] >> 32 ^ x[1] ^ k[0], product[1] & MASK, product[0] >> 32 ^ x[3] ^ k[1], product[0] & MASK]
        k = [(k[0] + WEYL[0]) & MASK, (k[1] + WEYL[1]) & MASK]
    return x


def dump(args):
    vectors = [{name: [int(word, 16) for word in words.split()] for name, words in zip(('counter', 'key', 'result'), row)}
               for row in RANDOM123]
    for v in vectors:
        assert philox(v['counter'], v['key']) == v['result'], v
    rng = random.Random(50)
    for _ in range(20):
        counter, key = [rng.getrandbits(32) for _ in range(4)], [rng.getrandbits(32) for _ in range(2)]
        vectors.append({'counter': counter, 'key': key, 'result': philox(counter, key)})
    save_json(args.out / 'philox.json', vectors)
    print(f'  {len(vectors)} vectors')
