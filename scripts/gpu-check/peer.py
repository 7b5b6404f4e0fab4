"""Tokens per second of transformers and peft with random weights: scoring, with and without an adapter of rank 16 on all linear
layers, decoding 1 and 64 sequences, and training that adapter, activations kept and layers computed once more. Usage: peer.py DEVICE
CONFIG TOKENS BATCH TRAINED-BATCH. Prints one line of JSON; a library that is missing is said there."""

import json
import statistics
import sys
import time

SIZES = {  # vocabulary, hidden, intermediate, layers, heads, key heads, head_dim; as in engine_cli bench
    "125m": (32000, 768, 2048, 12, 12, 12, 64),
    "1b": (128256, 2048, 8192, 16, 32, 8, 64),
    "8b": (128256, 4096, 14336, 32, 32, 8, 128),
}
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
MEASURED_SECONDS, LEAST_RUNS = 2.0, 3


def median_seconds(torch, device, action):
    def once():
        started = time.monotonic()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.monotonic() - started

    once()
    seconds = []
    while len(seconds) < LEAST_RUNS or sum(seconds) < MEASURED_SECONDS:
        seconds.append(once())
    return statistics.median(seconds)


def make_model(torch, transformers, device, config_name):
    vocabulary, hidden, intermediate, layers, heads, key_heads, head_dim = SIZES[config_name]
    config = transformers.LlamaConfig(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=key_heads, head_dim=head_dim, max_position_embeddings=131072, tie_word_embeddings=config_name == "1b")
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = transformers.LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    return model.eval()


def score_rate(torch, device, model, tokens, batch):
    ids = torch.randint(0, model.config.vocab_size, (batch, tokens + 1), device=device)

    def score():
        logits = model(ids[:, :-1], use_cache=False).logits
        for row, targets in zip(logits, ids[:, 1:]):
            torch.log_softmax(row.float(), dim=-1).gather(1, targets[:, None]).sum().item()

    return tokens * batch / median_seconds(torch, device, score)


def decode_rate(torch, transformers, device, model, tokens, batch):
    ids = torch.randint(0, model.config.vocab_size, (1, tokens), device=device)
    cache = transformers.DynamicCache()
    model.model(ids.expand(batch, -1), past_key_values=cache, use_cache=True)
    state = {"next": ids[:, :1].expand(batch, -1)}

    def step():
        logits = model(state["next"], past_key_values=cache, use_cache=True).logits
        state["next"] = logits[:, -1:].argmax(-1)

    return batch / median_seconds(torch, device, step)


def train_rate(torch, device, model, tokens, batch):
    """Steps of AdamW with clipping on every token; factors in float, computing in bfloat16."""
    ids = torch.randint(0, model.config.vocab_size, (batch, tokens), device=device)
    factors = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for factor in factors:
        factor.data = factor.data.float()
    optimiser = torch.optim.AdamW(factors, lr=1e-5, fused=device.type == "cuda")

    def step():
        with torch.autocast(device.type, torch.bfloat16):
            model(ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(factors, 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return tokens * batch / median_seconds(torch, device, step)


def recomputed_train_rate(torch, device, model, tokens, batch):
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return train_rate(torch, device, model, tokens, batch)


def attempt(found, name, measure):
    try:
        found[name] = measure()
    except Exception as problem:  # recorded: the other figures are still worth having
        found[name] = f"{type(problem).__name__}: {problem}"[:500]


def main():
    device_name, config_name = sys.argv[1:3]
    tokens, batch, trained_batch = (int(word) for word in sys.argv[3:6])
    try:
        import torch
        import transformers
    except ImportError as missing:
        print(json.dumps({"missing": str(missing)}))
        return
    device = torch.device(device_name)
    found = {"torch": torch.__version__, "transformers": transformers.__version__, "tokens": tokens, "batch": batch, "trainedBatch": trained_batch}
    model = make_model(torch, transformers, device, config_name)
    with torch.inference_mode():
        attempt(found, "score", lambda: score_rate(torch, device, model, tokens, batch))
        for sequences in (1, 64):
            attempt(found, f"decode{sequences}", lambda: decode_rate(torch, transformers, device, model, tokens, sequences))
    try:
        import peft
    except ImportError as missing:
        print(json.dumps({**found, "peft": str(missing)}))
        return
    found["peft"] = peft.__version__
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=16, lora_alpha=16, target_modules=LINEARS)).to(torch.bfloat16)
    with torch.inference_mode():
        attempt(found, "scoreWithAdapter", lambda: score_rate(torch, device, adapted.eval(), tokens, batch))
    attempt(found, "train", lambda: train_rate(torch, device, adapted.train(), tokens, trained_batch))
    # Last, because recomputing stays switched on.
    attempt(found, "trainRecomputed", lambda: recomputed_train_rate(torch, device, adapted, tokens, trained_batch))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
