# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares logits of a full-size Phi-2 with transformers': bf16 and NF4, each as near to the fp32 truth as the peer's own.

    python tests/parity/full_phi2.py FOLDER [--cli build/bin/phibench-cli]        FOLDER: as tests/support/write_phi2 makes it

The truth in fp32, of the weights as they are and of the weights that NF4 stands for (both by transformers, 12 GB), and the peer's bf16 and NF4 (bitsandbytes) are made one
after the other, each in a process of its own."""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = """The sentiment of the following phrase: 'Operating profit rose to EUR 13.1 mn from EUR 8.7 mn in the corresponding period of 2007,
representing 7.7 % of net sales .' is \n            \n\n Positive\n            \n Negative\n            \n Neutral\n            \n Cannot be determined\n            \n\nSolution: The correct option is Positive"""


def peer(stage, folder, out):
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    quantised = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16) if stage == "nf4" else None
    net = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32 if stage == "truth" else torch.bfloat16, quantization_config=quantised).eval()
    ids = torch.tensor([AutoTokenizer.from_pretrained(folder)(TEXT).input_ids])
    with torch.no_grad():
        results = {stage: net(ids).logits[0].float().contiguous(), "ids": ids}
        if stage == "truth":
            from bitsandbytes import functional
            for name, module in net.named_modules():
                if isinstance(module, torch.nn.Linear) and name != "lm_head":  # the weights in bf16, as the peer quantises them
                    codes, state = functional.quantize_4bit(module.weight.data.bfloat16(), blocksize=64, quant_type="nf4")
                    state.dtype = torch.float32
                    module.weight.data = functional.dequantize_4bit(codes, state)
            results["nf4 truth"] = net(ids).logits[0].float().contiguous()
    save_file(results, out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--cli", default=str(ROOT / "build/bin/phibench-cli"))
    parser.add_argument("--stage", nargs=2, help="for the script itself: a peer's stage and where its logits go")
    args = parser.parse_args()
    if args.stage:
        return peer(args.stage[0], args.folder, args.stage[1])

    from safetensors.torch import load_file
    with tempfile.TemporaryDirectory() as name:
        for stage in ("truth", "bf16", "nf4"):
            run = subprocess.run([sys.executable, __file__, str(args.folder), "--stage", stage, f"{name}/{stage}"], stderr=subprocess.PIPE, encoding="utf-8")
            if run.returncode:
                sys.exit(f"{run.stderr}the peer's {stage} failed ({run.returncode})")
        truth, bf16, nf4 = (load_file(f"{name}/{stage}") for stage in ("truth", "bf16", "nf4"))
        ids = ",".join(map(str, truth["ids"][0].tolist()))

        def ours(precision):
            file = f"{name}/ours-{precision}"
            run = subprocess.run([args.cli, "logits", "--model", str(args.folder), "--precision", precision, "--ids", ids, "--out", file], stderr=subprocess.PIPE, encoding="utf-8")
            if run.returncode:
                sys.exit(f"{args.cli}: exit {run.returncode}\n{run.stderr}")
            return load_file(file)["logits"].double()

        ok = True
        scale = float(truth["truth"].double().square().mean().sqrt())
        print(f"Phi-2: {truth['ids'].shape[1]} tokens, root mean square of logits {scale:.3g}")
        for precision, exact, theirs in (("bf16", truth["truth"], bf16["bf16"]), ("nf4", truth["nf4 truth"], nf4["nf4"])):
            mine = ours(precision)
            for kind, size in (("root mean square", lambda e: float(e.square().mean().sqrt())), ("largest", lambda e: float(e.abs().max()))):
                a, b = size(mine - exact.double()), size(theirs.double() - exact.double())
                print(f"Phi-2, {precision}, {kind} error against fp32: ours {a:.4g}, transformers' {b:.4g}; ratio {a / b:.3f}, at most 1.2")
                ok &= a <= 1.2 * b
            print(f"Phi-2, {precision}: the likeliest token is the truth's at {float((mine.argmax(1) == exact.argmax(1)).double().mean()):.1%} of places, "
                  f"transformers' at {float((theirs.argmax(1) == exact.argmax(1)).double().mean()):.1%}")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
