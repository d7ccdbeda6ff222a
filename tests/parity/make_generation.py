# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes generation.json: transformers' greedy continuations in float32, each prompt alone and all in one batch padded left."""
import peer
import torch

NEW = 64


def greedy(net, prompts, most=NEW):
    tokens, mask, _ = peer.padded(prompts, left=True)
    found = net.generate(input_ids=tokens, attention_mask=mask, do_sample=False, max_new_tokens=most, pad_token_id=0, output_logits=True,
                         return_dict_in_generate=True)
    new = found.sequences[:, tokens.shape[1]:].tolist()
    eos = net.config.eos_token_id
    new = [row[: row.index(eos)] if eos in row else row for row in new]
    top = torch.stack(found.logits).topk(2).values  # [steps, batch, 2]
    gap = min(float(top[: len(row), n].diff().abs().min()) for n, row in enumerate(new))
    return new, gap


def main():
    cases = []
    for number, (name, model) in enumerate(peer.MODELS.items()):
        net = peer.load(model)
        prompts = [peer.ids(n, 60 + 3 * number + n) for n in (5, 17, 1, 9)]
        batched, gap = greedy(net, prompts)
        alone = [greedy(net, [prompt])[0][0] for prompt in prompts]
        cases.append({"name": name, "model": model, "fingerprint": peer.fingerprint(model), "prompts": prompts, "alone": alone, "batched": batched,
                      "smallest_gap": gap})
    peer.write("generation.json", {"new": NEW, "cases": cases})


if __name__ == "__main__":
    main()
