// The operators of ops/device.h on the processor, one per file; meanings and errors are said there. Activations are
// F32; weights are F32, BF16 or F16. Every sum runs in one fixed order, so the bits of a row are the same for any number of
// threads, whatever the other rows are, and on all processors with fused multiply-add.
#pragma once

#include <cstdint>
#include <span>

#include "ops/device.h"
#include "ops/executor.h"

namespace amalgam::ops::cpu {

void embed(Executor& executor, Array table, std::span<const std::int32_t> ids, Array out);

void rms_norm(Executor& executor, Array x, Array weight, float eps, Array out);

void linear(Executor& executor, Array x, Array w, Array out, Into into);

void add_bias(Executor& executor, Array x, Array bias);

void add_units(Executor& executor, Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row,
               Array out);

void rope(Executor& executor, Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
          Array sines);

void attention(Executor& executor, Array q, Array k, Array v, const CacheLayer& cache,
               std::span<const SequenceRows> sequences, const AttentionShape& shape, Array out);

void keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences);

void swiglu(Executor& executor, Array gate, Array up, Array out);

void add(Executor& executor, Array x, Array y);

void token_choices(Executor& executor, Array x, Array w, std::span<const std::int32_t> targets,
                   std::span<double> log_probabilities, std::span<std::int32_t> best);

void linear_back(Executor& executor, Array d_out, Array w, Array d_x, Into into);

void weight_back(Executor& executor, Array d_out, Array x, Array d_w);

void scale_units(Executor& executor, Array u, Array c, std::span<const std::int32_t> set_of_row, Array out);

void unit_back(Executor& executor, Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c);

void dropout(Executor& executor, Array x, float rate, std::uint64_t key, Array out, Into into);

void rms_norm_back(Executor& executor, Array x, Array weight, float eps, Array d_out, Array d_x);

void rope_back(Executor& executor, Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions,
               Array cosines, Array sines);

void swiglu_back(Executor& executor, Array gate, Array up, Array d_out, Array d_gate, Array d_up);

double squared_norm(Executor& executor, Array g, Array mask);

void adamw(Executor& executor, Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy);

void attention_back(Executor& executor, Array q, Array k, Array v, Array out, Array d_out,
                    std::span<const SequenceRows> sequences, const AttentionShape& shape, Array d_q, Array d_k,
                    Array d_v);

void token_loss(Executor& executor, TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                std::span<const float> weights, std::span<double> values, Array d_x);

}  // namespace amalgam::ops::cpu
