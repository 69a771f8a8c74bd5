"""Texts that are hard to tokenize, vocabularies of every kind that GGUF files have, and what PyPI's tokenizers makes of both."""
import io
import json
import random
import unicodedata

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.tokenization_utils_base import generate_merges

from smollm2 import tokenizer_of

SEED = 20250518
COUNT = 2400

WORDS = ('the a of to and in is that for it was on are as with his they at be this from I have or by one had not but what all '
         'were when we there can an your which their said if do will each about how up out them then she many some so these '
         'would other into has more two like him see time could no make than first been its who now people my made over did '
         "don't I'm we'll they've it's you'd can't O'Neill's rock'n'roll HTTPServer camelCase snake_case kebab-case").split()
LONG = ['Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft',
        'pneumonoultramicroscopicsilicovolcanoconiosis', 'antidisestablishmentarianism' * 3, 'a' * 300, 'ab' * 150, 'xyz' * 70,
        'ACGT' * 64, '0123456789' * 20, '=' * 120, '-' * 77, '.' * 64, ' ' * 65, '\n' * 40, '\t' * 33, 'ー' * 40, '한' * 30]
CODE = ['def f(x: int) -> str:\n    return f"{x:>08.3f}"\n', 'for (let i = 0; i < n; ++i) { a[i] += b[i] ** 2; }',
        '#include <stdio.h>\nint main(void) { printf("%d\\n", 42); return 0; }', 'SELECT * FROM t WHERE a <> \'b\' -- c',
        '\\frac{1}{2} \\cdot \\sqrt{x^2+1} = \\boxed{\\dfrac{3}{4}}', '<div class="a">&nbsp;&lt;b&gt;</div>',
        'https://example.org/a/b?c=d&e=%20f#g', 'C:\\Users\\x\\file.txt', '{"a": [1, 2.5e-3, null], "b": {"c": true}}',
        '\tif err != nil {\n\t\treturn fmt.Errorf("x: %w", err)\n\t}\n', '$x = @{ $y } =~ s/\\s+/ /gr;', '#### 1,234.50',
        '|a|b|\n|:-|-:|\n|1|2|', '```python\nprint("hi")\n```\n', '`a` *b* **c** _d_ ~~e~~', '\\[ \\int_0^\\infty e^{-x^2}\\,dx \\]']
SCRIPTS = ['Straße naïve café Ångström Łódź İstanbul ıstanbul ß ﬁ ﬂ', 'Ελληνικά γλώσσα ς σ Σ', 'Привет, мир! ёЁ щука', 'שלום עולם',
           'مرحبا بالعالم', 'नमस्ते दुनिया क्षत्रिय', 'ภาษาไทยไม่มีช่องว่าง', '你好，世界。中文分詞', 'こんにちは世界。カタカナ、ひらがな', '안녕하세요 세계',
           'தமிழ் மொழி', 'বাংলা ভাষা', 'ქართული ენა', 'Հայերեն լեզու', 'አማርኛ', 'ខ្មែរ', 'ᏣᎳᎩ', 'ᚠᚢᚦᚨᚱᚲ', 'ꦗꦮ', '𐍈𐌰𐌿𐍃', '𝒜𝓃𝒹 𝔐𝔞𝔱𝔥 𝟘𝟙𝟚',
           'ﷺ', '㍿ ㎏ ㈱', '①②③ ⅷ Ⅻ ½ ¾ ² ³ ₁', '٠١٢٣٤٥٦٧٨٩', '०१२३४५', '一二三四五六七八九十百千万']
EMOJI = ['😀', '👍🏽', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪🇫🇷', '❤️', '❤', '☕', '🧑🏿‍🚀', '👩‍❤️‍💋‍👨', '1️⃣', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '🤷‍♀️', '✨✨', '🫠', '⌚︎']
CONTROLS = [chr(c) for c in [*range(0x00, 0x20), *range(0x7f, 0xa1), 0xad, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029,
                             0x202a, 0x202e, 0x2060, 0x2066, 0xfeff, 0xfff9, 0xfffc, 0xfffd, 0xe0001]]
SPACES = [' ', '  ', '   ', '    ', '\t', '\n', '\n\n', '\r', '\r\n', '\x0b', '\x0c', '\x1c', '\x85', '\xa0', '\u1680', '\u2000', '\u2003',
          '\u2009', '\u202f', '\u205f', '\u3000', '\u200b', '\ufeff', ' \n', '\n ', ' \t ', '\n\n\n', ' \r\n ']
MARKS = ['e\u0301', 'a\u0308\u0323', 'o\u0323\u0302', 'ñ', 'n\u0303', '\u1e9b\u0323', 'Z̴̛͈a̶͇͐l̸̰̈g̵̣̈́o̶̥͝', '\u0301x', 'क\u093c', 'の\u3099', '각', '가\u11a8', 'Å',
         '\u212b', '\u2126', '\u0340', '\u0958', 'ﬀ', '\uf900', '\U0002f800', '\u0f73', '\u0344']
SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<s>', '</s>', '<unk>', '<pad>', '<|begin_of_text|>', '<|eot_id|>', '<|user|>',
           '<0x0A>', '<0xFF>', '[INST]', '<<SYS>>', '<think>', '</think>', '<|im_start', '|im_end|>', '<|', '|>', '▁', '▁▁', 'Ġ', 'Ċ', 'Ā']
NUMBERS = ['0', '7', '12', '123', '1234', '12345', '1234567890', '3.14159', '1,000,000', '-5', '+7e-10', '0x1F', '1/2', '50%', '$12.50',
           '12:34:56', '2024-02-30', '1.2.3.4', '٣', '１２３', '²³', '½', 'Ⅷ', '1st 2nd', '007', '1_000', '10⁻³', '०१', '𝟙𝟚𝟛']
PUNCTUATION = list('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~') + ['...', '…', '—', '–', '“”', '‘’', '«»', '¿?', '、', '。', '！', '・', '!?!?', "''", '"""', '→', '≤', '∑', '€', '₿']


def texts():
    """COUNT different texts, always the same ones: each kind by itself, then mixtures."""
    rng = random.Random(SEED)
    kinds = [WORDS, LONG, CODE, SCRIPTS, EMOJI, CONTROLS, SPACES, MARKS, SPECIAL, NUMBERS, PUNCTUATION]
    found = dict.fromkeys(piece for kind in kinds for piece in kind)
    for space in SPACES:
        found |= dict.fromkeys([f'a{space}b', f'{space}a', f'a{space}', f'{space}1{space}', f'!{space}?', f'x{space}{space}y', f"'{space}s"])
    for special in SPECIAL:
        found |= dict.fromkeys([f'a{special}b', f' {special} ', f'{special}{special}', f'{special}\n', f'x {special}'])

    def anything():
        # A character of any script, assigned since long, so that no two Unicode versions differ over it.
        while True:
            code = rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x250, 0x3000), rng.randrange(0x3000, 0xd800),
                               rng.randrange(0xf900, 0x10000), rng.randrange(0x10000, 0x20000)])
            if unicodedata.ucd_3_2_0.category(chr(code)) not in ('Cn', 'Cs', 'Co'):
                return chr(code)

    def sentence():
        words = [rng.choice(WORDS) for _ in range(rng.randrange(2, 9))]
        return ''.join(word + rng.choice([' ', ' ', ' ', ', ', '. ', '; ', '\n', '  ']) for word in words)

    def mixture():
        parts = []
        for _ in range(rng.randrange(2, 8)):
            parts.append(rng.choice(rng.choice([WORDS, CODE, SCRIPTS, EMOJI, CONTROLS, MARKS, SPECIAL, NUMBERS, PUNCTUATION])))
            parts.append(rng.choice(['', '', ' ', rng.choice(SPACES)]))
        return ''.join(parts)

    def numbers():
        return ''.join(rng.choice(NUMBERS) + rng.choice(['', ' ', ', ', '+', ' = ', '\n']) for _ in range(rng.randrange(1, 6)))

    def cased():
        return ''.join(rng.choice([c.upper(), c.lower()]) for c in sentence())

    makers = [mixture, mixture, sentence, numbers, cased, lambda: ''.join(anything() for _ in range(rng.randrange(1, 12))),
              lambda: rng.choice(SPACES) + mixture() + rng.choice(SPACES)]
    while len(found) < COUNT:
        text = rng.choice(makers)()
        if 0 < len(text) <= 400:
            found[text] = None
    return list(found)


def hash_of(ids):
    """FNV-1a over the ids, four bytes each, the lowest first."""
    value = 0x811c9dc5
    for i in ids:
        for shift in (0, 8, 16, 24):
            value = ((value ^ ((i >> shift) & 255)) * 0x01000193) & 0xffffffff
    return value


def goldens(tok, strings):
    """For each text 8 hexadecimal digits of the hash of its ids, with special tokens, and 8 of the UTF-8 bytes of their text."""
    out = []
    for text in strings:
        ids = tok.encode(text, add_special_tokens=False).ids
        whole = tok.encode(text).ids
        assert whole[len(whole) - len(ids):] == ids
        out.append(f'{hash_of(whole):08x}{hash_of(tok.decode(ids, skip_special_tokens=False).encode()):08x}')
    return ''.join(out)


# --- byte-level BPE -------------------------------------------------------------------------------------------------

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORD = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BPE_SPECIAL = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|begin_of_text|>', '<|eot_id|>']
BPE_USER = ['<think>', '</think>']
VOCABULARY = 1500


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), 'isolated')


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


# tokenizer.ggml.pre -> what the published tokenizer.json of such a model has.
PRE = {
    'default': lambda: byte_level(True),
    'smollm': lambda: pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)]),
    'qwen2': lambda: pre_tokenizers.Sequence([split(WORD.replace('DIGITS', r'\p{N}')), byte_level(False)]),
    'llama-bpe': lambda: pre_tokenizers.Sequence([split(WORD.replace('DIGITS', r'\p{N}{1,3}')), byte_level(False)]),
}


def train_bpe(strings):
    """Merges that go across words, digits and spaces: where text is cut shows in the ids."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([split(r'\w+\W{0,3}|\W+'), byte_level(False)])
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
                                  special_tokens=BPE_SPECIAL, max_token_length=16)
    tok.train_from_iterator(strings, trainer)
    state = json.loads(tok.to_str())['model']
    tokens = sorted(state['vocab'], key=state['vocab'].get)
    # Whole words that no merge makes: only a tokenizer that looks a word up before it merges (Llama 3) finds them.
    tokens += BPE_USER + ['Ġ12,Ġ3', 'antidisestablishmentarianism', 'ĠHTTPS', "Ġwe'd"]
    assert len(set(tokens)) == len(tokens)
    return tokens, [tuple(merge) for merge in state['merges']]


def bpe(pre, tokens, merges):
    tok = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, ignore_merges=pre == 'llama-bpe'))
    if pre == 'qwen2':
        tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = PRE[pre]()
    tok.decoder = decoders.ByteLevel()
    tok.add_special_tokens(BPE_SPECIAL)
    tok.add_tokens([AddedToken(t, normalized=False) for t in BPE_USER])
    if pre == 'llama-bpe':
        bos = '<|begin_of_text|>'
        tok.post_processor = processors.TemplateProcessing(f'{bos} $A', special_tokens=[(bos, tokens.index(bos))])
    return tok


def write_vocabulary(path, model, tokens, types, fill):
    """A GGUF file without tensors, as llama.cpp's converter writes with --vocab-only."""
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_name(path.stem)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    fill(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_bpe(path, pre, tokens, merges):
    types = [gguf.TokenType.CONTROL if t in BPE_SPECIAL else gguf.TokenType.USER_DEFINED if t in BPE_USER else gguf.TokenType.NORMAL
             for t in tokens]

    def fill(writer):
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges([' '.join(merge) for merge in merges])
        writer.add_bos_token_id(tokens.index('<|begin_of_text|>'))
        writer.add_eos_token_id(tokens.index('<|im_end|>'))

    write_vocabulary(path, 'gpt2', tokens, types, fill)


# --- SentencePiece --------------------------------------------------------------------------------------------------

SPM_USER = ['<|user|>', '[INST]']


def train_spm(strings):
    buffer = io.BytesIO()
    lines = [line for text in strings for line in text.split('\n') if line.strip() and '\0' not in line and '▁' not in line]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 2), model_writer=buffer, model_type='bpe', vocab_size=VOCABULARY, byte_fallback=True,
        normalization_rule_name='identity', remove_extra_whitespaces=False, add_dummy_prefix=True, split_digits=True,
        allow_whitespace_only_pieces=True, character_coverage=0.98, user_defined_symbols=SPM_USER, num_threads=1,
        max_sentence_length=20000, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=buffer.getvalue())


def spm(sp, add_space_prefix):
    """What transformers' LlamaConverter makes of a SentencePiece model."""
    vocab = {sp.id_to_piece(i): i for i in range(sp.get_piece_size())}
    scores = {sp.id_to_piece(i): sp.get_score(i) for i in range(sp.get_piece_size())}
    tok = Tokenizer(models.BPE(vocab=vocab, merges=generate_merges(vocab, scores), unk_token='<unk>', fuse_unk=True, byte_fallback=True))
    steps = [normalizers.Prepend('▁')] if add_space_prefix else []
    tok.normalizer = normalizers.Sequence([*steps, normalizers.Replace(' ', '▁')])
    undo = [decoders.Strip(' ', 1, 0)] if add_space_prefix else []
    tok.decoder = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse(), *undo])
    tok.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ('<unk>', '<s>', '</s>')])
    tok.add_tokens([AddedToken(t, normalized=False) for t in SPM_USER])
    tok.post_processor = processors.TemplateProcessing('<s> $A', special_tokens=[('<s>', 1)])
    return tok


def write_spm(path, sp, add_space_prefix):
    kinds = gguf.TokenType
    ids = range(sp.get_piece_size())
    types = [kinds.UNKNOWN if sp.is_unknown(i) else kinds.BYTE if sp.is_byte(i) else kinds.USER_DEFINED if sp.id_to_piece(i) in SPM_USER
             else kinds.CONTROL if sp.is_control(i) else kinds.UNUSED if sp.is_unused(i) else kinds.NORMAL for i in ids]

    def fill(writer):
        writer.add_tokenizer_pre('default')
        writer.add_token_scores([sp.get_score(i) for i in ids])
        writer.add_bos_token_id(sp.bos_id())
        writer.add_eos_token_id(sp.eos_id())
        writer.add_unk_token_id(sp.unk_id())
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(False)
        if not add_space_prefix:
            writer.add_add_space_prefix(False)

    write_vocabulary(path, 'llama', [sp.id_to_piece(i) for i in ids], types, fill)


def dump(args):
    folder = args.out / 'tokenization'
    folder.mkdir(parents=True, exist_ok=True)
    strings = texts()
    (folder / 'texts.json').write_text(json.dumps(strings, separators=(',\n', ':')) + '\n')
    rows = {}
    tokens, merges = train_bpe(strings)
    for pre in PRE:
        write_bpe(folder / f'{pre}.gguf', pre, tokens, merges)
        rows[pre] = goldens(bpe(pre, tokens, merges), strings)
    sp = train_spm(strings)
    for name, prefix in (('llama', True), ('llama-no-prefix', False)):
        write_spm(folder / f'{name}.gguf', sp, prefix)
        tok = spm(sp, prefix)
        rows[name] = goldens(tok, strings)
        if prefix:
            differ = [t for t in strings if not any(s in t for s in ('▁', '\0', *SPM_USER, '<s>', '</s>', '<unk>'))
                      and tok.encode(t, add_special_tokens=False).ids != sp.encode(t)]
            print(f'  {name}: SentencePiece itself gives other ids for {len(differ)} of {len(strings)} texts', differ[:3])
    rows['demo'] = goldens(Tokenizer.from_file(str(args.demo / 'tokenizer.json')), strings)
    rows['smollm2'] = goldens(tokenizer_of(args.smollm2)[0], strings)
    (folder / 'hashes.json').write_text(json.dumps(rows, indent=0) + '\n')
