// The CUDA device's class, for the two files that its operators are in: cuda_device.cpp forward, cuda_device_back.cpp
// backward and learning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/cuda/check_cublas.h"
#include "ops/cuda/cuda_context.h"
#include "ops/device.h"

namespace amalgam::ops {

inline constexpr std::int64_t most_cuda_head_dim = 256;

inline void require(bool fits, const char* words) {
  if (!fits) throw std::logic_error(words);
}

inline bool is_bf16(const Array& array) { return array.type == core::DType::BF16; }
inline bool is_f32(const Array& array) { return array.type == core::DType::F32; }

inline bool same_shape(const Array& left, const Array& right) {
  return left.rows == right.rows && left.cols == right.cols;
}

inline AmalgamArray table_array(const Array& array) {
  const auto type = [&] {
    if (array.type == core::DType::BF16) return AMALGAM_BF16;
    return array.type == core::DType::U8 ? AMALGAM_U8 : AMALGAM_F32;
  };
  return {array.data, type(), array.rows, array.cols, array.stride};
}

/// Rows of logits that are in memory at a time, of `count` rows.
std::int64_t rows_of_logits(std::int64_t count, std::int64_t vocabulary);

/// One block's work each, the late rows of every sequence first, which see more keys: the longest work goes first.
std::vector<AmalgamTile> attention_tiles(std::span<const AmalgamSequence> sequences);

/// Throws Error "config-unsupported" for heads that are too wide for the kernels.
void check_head_dim(std::int64_t head_dim);

class CudaDevice final : public Device {
 public:
  CudaDevice(const AmalgamBackend& backend, const AmalgamCublas* cublas, int index, const core::CancelToken& cancel)
      : context_(backend, cublas, index), cancel_(cancel), table_(backend) {
    if (cublas != nullptr && !small_product_is_right(*this)) context_.reopen_without_cublas();
  }

  std::string name() const override { return "cuda:" + std::to_string(context_.index()); }
  core::DType activations() const override { return core::DType::BF16; }
  core::DType stored(core::DType) const override { return core::DType::BF16; }

  DeviceMemory memory() const override {
    DeviceMemory memory;
    context_.call(table_.memory_info, &memory.free_bytes, &memory.total_bytes);
    return memory;
  }

  void* allocate(std::size_t bytes) override { return context_.allocate(bytes); }
  void release(void* data) noexcept override { context_.release(data); }

  void upload(void* to, const void* host, std::size_t bytes) override {
    cancel_.check();
    context_.call(table_.copy_in, to, host, static_cast<uint64_t>(bytes));
  }
  void download(void* host, const void* from, std::size_t bytes) override {
    context_.call(table_.copy_out, host, from, static_cast<uint64_t>(bytes));
    wait();
  }
  void fill_zero(void* data, std::size_t bytes) override {
    context_.call(table_.fill_zero, data, static_cast<uint64_t>(bytes));
  }
  void wait() override { context_.call(table_.wait); }

  void embed(Array table, std::span<const std::int32_t> ids, Array out) override;
  void rms_norm(Array x, Array weight, float eps, Array out) override;
  void linear(Array x, Array w, Array out, Into into) override;
  void add_bias(Array x, Array bias) override;
  void add_units(Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row, Array out) override;
  void rope(Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
            Array sines) override;
  void attention(Array q, Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences,
                 const AttentionShape& shape, Array out) override;
  void keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences) override;
  void swiglu(Array gate, Array up, Array out) override;
  void add(Array x, Array y) override;
  void token_choices(Array x, Array w, std::span<const std::int32_t> targets, std::span<double> log_probabilities,
                     std::span<std::int32_t> best) override;

  void linear_back(Array d_out, Array w, Array d_x, Into into) override;
  void weight_back(Array d_out, Array x, Array d_w) override;
  void scale_units(Array u, Array c, std::span<const std::int32_t> set_of_row, Array out) override;
  void unit_back(Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c) override;
  void dropout(Array x, float rate, std::uint64_t key, Array out, Into into) override;
  void rms_norm_back(Array x, Array weight, float eps, Array d_out, Array d_x) override;
  void rope_back(Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                 Array sines) override;
  void attention_back(Array q, Array k, Array v, Array out, Array d_out, std::span<const SequenceRows> sequences,
                      const AttentionShape& shape, Array d_q, Array d_k, Array d_v) override;
  void swiglu_back(Array gate, Array up, Array d_out, Array d_gate, Array d_up) override;
  void token_loss(TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                  std::span<const float> weights, std::span<double> values, Array d_x) override;
  double squared_norm(Array g, Array mask) override;
  void adamw(Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy) override;

 private:
  void prefill(AmalgamAttention attention, std::span<const AmalgamSequence> sequences);
  void decode(AmalgamAttention attention, std::span<const AmalgamSequence> sequences);

  mutable CudaContext context_;
  const core::CancelToken& cancel_;
  const AmalgamBackend& table_;

  CardList<std::int32_t> ids_{context_};
  CardList<std::int32_t> sets_{context_};
  CardList<std::int32_t> positions_{context_};
  CardList<std::int32_t> targets_{context_};
  CardList<std::int64_t> kept_rows_{context_};
  CardList<AmalgamSequence> prefill_sequences_{context_};
  CardList<AmalgamSequence> decode_sequences_{context_};
  CardList<AmalgamTile> tiles_{context_};
  CardScratch unit_sums_{context_};
  CardScratch scaled_units_{context_};
  CardScratch partials_{context_};
  CardScratch logits_{context_};
  CardScratch choices_{context_};

  CardList<AmalgamStretch> stretches_{context_};
  CardList<AmalgamSequence> back_sequences_{context_};
  CardList<AmalgamTile> back_tiles_{context_};
  CardList<std::int32_t> judged_rows_{context_};
  CardList<std::int64_t> judged_places_{context_};
  CardList<float> loss_weights_{context_};
  CardScratch stretch_sums_{context_};
  CardScratch row_facts_{context_};
  CardScratch judged_{context_};
  CardScratch d_judged_{context_};
  CardScratch d_logits_{context_};
  CardScratch loss_values_{context_};
  CardScratch square_sums_{context_};
};

}  // namespace amalgam::ops
