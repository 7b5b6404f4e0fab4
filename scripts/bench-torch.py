"""Scores with, or trains, a random Llama in PyTorch, f32 on the processor: python bench-torch.py SIZES.json

SIZES.json: { vocabulary, hidden, intermediate, layers, heads, tokens, batch, threads }, and "rank" for training. Prints
{ tokensPerSecond, version }: the median of several runs. Scoring: log-probabilities of all tokens but the first. Training: one step
of AdamW on an adapter of that rank on all linear layers, made by PEFT, with the norm of its gradients clipped; every token is judged.
Needs torch, transformers and, for training, peft; the product needs none of them.
"""

import json
import statistics
import sys
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM

with open(sys.argv[1]) as file:
    sizes = json.load(file)
torch.set_num_threads(sizes["threads"])
torch.manual_seed(1)
config = LlamaConfig(
    vocab_size=sizes["vocabulary"],
    hidden_size=sizes["hidden"],
    intermediate_size=sizes["intermediate"],
    num_hidden_layers=sizes["layers"],
    num_attention_heads=sizes["heads"],
    num_key_value_heads=sizes["heads"],
    max_position_embeddings=2048,
    tie_word_embeddings=False,
)
model = LlamaForCausalLM(config)
tokens = torch.randint(0, sizes["vocabulary"], (sizes["batch"], sizes["tokens"] + 1))
version = f"PyTorch {torch.__version__}"


@torch.inference_mode()
def score() -> None:
    logits = model(tokens[:, :-1], use_cache=False).logits
    logs = torch.log_softmax(logits, dim=-1).gather(2, tokens[:, 1:, None])
    assert torch.isfinite(logs).all()


def train() -> None:
    optimiser.zero_grad(set_to_none=True)
    logits = model(tokens[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimiser.step()
    assert torch.isfinite(loss)


if "rank" in sizes:
    import peft

    adapter = peft.LoraConfig(r=sizes["rank"], lora_alpha=2 * sizes["rank"], target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, adapter).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.01)
    version += f", PEFT {peft.__version__}"
else:
    model = model.eval()


def seconds_of(step) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


step = train if "rank" in sizes else score
step()
seconds = statistics.median(seconds_of(step) for _ in range(5))
print(json.dumps({"tokensPerSecond": sizes["batch"] * sizes["tokens"] / seconds, "version": version}))
