"""Exports a GGUF file or a checkpoint folder to a folder that transformers.js loads: config.json, tokenizer, onnx/.

    python bench/peers/export_onnx.py MODEL OUT                  # with optimum, f32: the very numbers of the GGUF file
    python bench/peers/export_onnx.py MODEL OUT --q4             # and onnx/model_q4.onnx
    python bench/peers/export_onnx.py MODEL OUT --fused          # with onnxruntime-genai's builder instead of optimum

MODEL is a .gguf file, whose blocks are dequantised to f32, or a folder with safetensors. Optimum traces the model op by op;
onnxruntime-genai's builder writes ONNX Runtime's own fused operators (GroupQueryAttention, SkipSimplifiedLayerNormalization,
MatMulNBits), which its WebGPU provider runs faster. q4 quantises the linear layers anew, in blocks of 32 with a scale and a
whole zero point, which is coarser than Q4_1's offset in f16: logits differ by that rounding.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import onnx
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

BLOCK = 32


def checkpoint(source: Path, folder: Path):
    where = {"pretrained_model_name_or_path": str(source)}
    if source.suffix == ".gguf":
        where = {"pretrained_model_name_or_path": str(source.parent), "gguf_file": source.name}
    model = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    model.config.head_dim = model.config.hidden_size // model.config.num_attention_heads
    # Newer versions take a GGUF file's weights for quantised still, and save none.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)
    (folder / "tokenizer.model").unlink(missing_ok=True)
    return model.config


def traced(folder: Path, out: Path, q4: bool) -> None:
    from optimum.exporters.onnx import main_export

    with tempfile.TemporaryDirectory() as export:
        main_export(str(folder), export, library_name="transformers", task="text-generation-with-past", dtype="fp32", do_validation=False)
        model = onnx.load(str(Path(export, "model.onnx")))
    onnx.save(model, str(out / "model.onnx"))
    if q4:
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        quantizer = MatMulNBitsQuantizer(model, block_size=BLOCK, is_symmetric=False)
        quantizer.process()
        onnx.save(quantizer.model.model, str(out / "model_q4.onnx"))


def fused(folder: Path, out: Path, head_dim: int, q4: bool) -> None:
    for name, precision in [("model.onnx", "fp32")] + ([("model_q4.onnx", "int4")] if q4 else []):
        with tempfile.TemporaryDirectory() as export:
            builder = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-e", "webgpu", "-p", precision]
            extra = ["use_webgpu_fp32=1", "int4_is_symmetric=false", f"int4_block_size={BLOCK}"]
            where = ["-i", str(folder), "-o", export, "-c", f"{export}/cache"]
            subprocess.run([*builder, *where, "--extra_options", *extra], check=True, capture_output=True)
            model = onnx.load(str(Path(export, "model.onnx")))
        # transformers.js takes a dimension without a size for 0 in the empty cache.
        for value in [*model.graph.input, *model.graph.output]:
            for dim in value.type.tensor_type.shape.dim:
                if dim.dim_param == "kv_cache_dim":
                    dim.dim_value = head_dim
        onnx.save(model, str(out / name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--q4", action="store_true", help="also 4 bits")
    parser.add_argument("--fused", action="store_true", help="with onnxruntime-genai's builder")
    args = parser.parse_args()
    graphs = args.out / "onnx"
    graphs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        config = checkpoint(args.model, Path(folder))
        if args.fused:
            fused(Path(folder), graphs, config.head_dim, args.q4)
        else:
            traced(Path(folder), graphs, args.q4)
        for file in Path(folder).glob("*.json"):
            shutil.copy(file, args.out)


main()
