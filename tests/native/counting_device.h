// A device that counts what is allocated on another one, and calls of some operators. By its name it is not the
// processor, so that weights are uploaded to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "ops/device.h"

namespace amalgam::test {

class CountingDevice final : public ops::Device {
 public:
  explicit CountingDevice(std::unique_ptr<ops::Device> inner, core::DType narrowest_stored = core::DType::F32)
      : inner_(std::move(inner)), stored_(narrowest_stored) {}

  std::size_t live_bytes() const { return live_; }
  std::size_t peak_bytes() const { return peak_; }
  std::size_t allocations() const { return allocations_; }
  /// Calls of operators of the backward half by name, since the last asking.
  std::map<std::string, int> take_calls() { return std::exchange(calls_, {}); }

  std::string name() const override { return "counting"; }
  core::DType activations() const override { return inner_->activations(); }
  core::DType accumulators() const override { return inner_->accumulators(); }
  /// As the other device stores it, or everything in one type when that was asked for.
  core::DType stored(core::DType file_type) const override {
    return stored_ == core::DType::F32 ? inner_->stored(file_type) : stored_;
  }
  ops::DeviceMemory memory() const override { return inner_->memory(); }

  void* allocate(std::size_t bytes) override {
    void* data = inner_->allocate(bytes);
    if (data != nullptr) sizes_[data] = bytes;
    live_ += bytes;
    ++allocations_;
    peak_ = std::max(peak_, live_);
    return data;
  }
  void release(void* data) noexcept override {
    const auto entry = sizes_.find(data);
    if (entry != sizes_.end()) {
      live_ -= entry->second;
      sizes_.erase(entry);
    }
    inner_->release(data);
  }
  void upload(void* to, const void* host, std::size_t bytes) override { inner_->upload(to, host, bytes); }
  void download(void* host, const void* from, std::size_t bytes) override { inner_->download(host, from, bytes); }
  void fill_zero(void* data, std::size_t bytes) override { inner_->fill_zero(data, bytes); }
  void wait() override { inner_->wait(); }

  void embed(ops::Array table, std::span<const std::int32_t> ids, ops::Array out) override {
    inner_->embed(table, ids, out);
  }
  void rms_norm(ops::Array x, ops::Array weight, float eps, ops::Array out) override {
    inner_->rms_norm(x, weight, eps, out);
  }
  void linear(ops::Array x, ops::Array w, ops::Array out, ops::Into into) override { inner_->linear(x, w, out, into); }
  void add_bias(ops::Array x, ops::Array bias) override { inner_->add_bias(x, bias); }
  void add_units(ops::Array x, ops::Array a, ops::Array b, ops::Array c, std::span<const std::int32_t> set_of_row,
                 ops::Array out) override {
    inner_->add_units(x, a, b, c, set_of_row, out);
  }
  void rope(ops::Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, ops::Array cosines,
            ops::Array sines) override {
    inner_->rope(x, head_dim, positions, cosines, sines);
  }
  void attention(ops::Array q, ops::Array k, ops::Array v, const ops::CacheLayer& cache,
                 std::span<const ops::SequenceRows> sequences, const ops::AttentionShape& shape,
                 ops::Array out) override {
    inner_->attention(q, k, v, cache, sequences, shape, out);
  }
  void keep_keys(ops::Array k, ops::Array v, const ops::CacheLayer& cache,
                 std::span<const ops::SequenceRows> sequences) override {
    inner_->keep_keys(k, v, cache, sequences);
  }
  void swiglu(ops::Array gate, ops::Array up, ops::Array out) override { inner_->swiglu(gate, up, out); }
  void add(ops::Array x, ops::Array y) override { inner_->add(x, y); }
  void token_choices(ops::Array x, ops::Array w, std::span<const std::int32_t> targets,
                     std::span<double> log_probabilities, std::span<std::int32_t> best) override {
    inner_->token_choices(x, w, targets, log_probabilities, best);
  }

  void linear_back(ops::Array d_out, ops::Array w, ops::Array d_x, ops::Into into) override {
    ++calls_["linear_back"];
    inner_->linear_back(d_out, w, d_x, into);
  }
  void weight_back(ops::Array d_out, ops::Array x, ops::Array d_w) override {
    ++calls_["weight_back"];
    inner_->weight_back(d_out, x, d_w);
  }
  void scale_units(ops::Array u, ops::Array c, std::span<const std::int32_t> set_of_row, ops::Array out) override {
    ++calls_["scale_units"];
    inner_->scale_units(u, c, set_of_row, out);
  }
  void unit_back(ops::Array u, ops::Array v, std::span<const std::int32_t> set_of_row, ops::Array d_c) override {
    ++calls_["unit_back"];
    inner_->unit_back(u, v, set_of_row, d_c);
  }
  void dropout(ops::Array x, float rate, std::uint64_t key, ops::Array out, ops::Into into) override {
    ++calls_["dropout"];
    inner_->dropout(x, rate, key, out, into);
  }
  void rms_norm_back(ops::Array x, ops::Array weight, float eps, ops::Array d_out, ops::Array d_x) override {
    ++calls_["rms_norm_back"];
    inner_->rms_norm_back(x, weight, eps, d_out, d_x);
  }
  void rope_back(ops::Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, ops::Array cosines,
                 ops::Array sines) override {
    ++calls_["rope_back"];
    inner_->rope_back(d_x, head_dim, positions, cosines, sines);
  }
  void attention_back(ops::Array q, ops::Array k, ops::Array v, ops::Array out, ops::Array d_out,
                      std::span<const ops::SequenceRows> sequences, const ops::AttentionShape& shape, ops::Array d_q,
                      ops::Array d_k, ops::Array d_v) override {
    ++calls_["attention_back"];
    inner_->attention_back(q, k, v, out, d_out, sequences, shape, d_q, d_k, d_v);
  }
  void swiglu_back(ops::Array gate, ops::Array up, ops::Array d_out, ops::Array d_gate, ops::Array d_up) override {
    ++calls_["swiglu_back"];
    inner_->swiglu_back(gate, up, d_out, d_gate, d_up);
  }
  void token_loss(ops::TokenObjective objective, ops::Array x, ops::Array w, std::span<const std::int32_t> targets,
                  std::span<const float> weights, std::span<double> values, ops::Array d_x) override {
    ++calls_["token_loss"];
    inner_->token_loss(objective, x, w, targets, weights, values, d_x);
  }
  double squared_norm(ops::Array g, ops::Array mask) override { return inner_->squared_norm(g, mask); }
  void adamw(ops::Array p, ops::Array g, ops::Array m, ops::Array v, ops::Array mask, const ops::AdamwStep& step,
             ops::Array copy) override {
    inner_->adamw(p, g, m, v, mask, step, copy);
  }

 private:
  std::unique_ptr<ops::Device> inner_;
  core::DType stored_;
  std::map<void*, std::size_t> sizes_;
  std::size_t live_ = 0;
  std::size_t peak_ = 0;
  std::size_t allocations_ = 0;
  std::map<std::string, int> calls_;
};

}  // namespace amalgam::test
