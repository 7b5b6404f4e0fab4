// The processor as a device: main memory, and the operators of ops/cpu/operators.h on a pool of threads.
#pragma once

#include <mutex>
#include <unordered_map>

#include "ops/device.h"
#include "ops/executor.h"

namespace amalgam::ops::cpu {

/// Memory may be allocated and released from any thread; operators are called by one thread at a time.
class CpuDevice final : public Device {
 public:
  /// `set` must be one that this processor has. `cancel` must outlive the device.
  CpuDevice(int threads, const core::CancelToken& cancel,
            core::InstructionSet set = core::best_instruction_set());
  ~CpuDevice() override;

  std::string name() const override { return "cpu"; }
  core::DType activations() const override { return core::DType::F32; }
  /// F32, BF16 and F16 stay as they are; F64 becomes F32.
  core::DType stored(core::DType file_type) const override;
  DeviceMemory memory() const override;

  void* allocate(std::size_t bytes) override;
  void release(void* data) noexcept override;
  void upload(void* to, const void* host, std::size_t bytes) override;
  void download(void* host, const void* from, std::size_t bytes) override;
  void fill_zero(void* data, std::size_t bytes) override;
  void wait() override {}

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
  void swiglu_back(Array gate, Array up, Array d_out, Array d_gate, Array d_up) override;
  double squared_norm(Array g, Array mask) override;
  void adamw(Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy) override;
  void attention_back(Array q, Array k, Array v, Array out, Array d_out, std::span<const SequenceRows> sequences,
                      const AttentionShape& shape, Array d_q, Array d_k, Array d_v) override;
  void token_loss(TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                  std::span<const float> weights, std::span<double> values, Array d_x) override;

 private:
  Executor executor_;
  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> sizes_;  ///< of what is allocated
};

}  // namespace amalgam::ops::cpu
