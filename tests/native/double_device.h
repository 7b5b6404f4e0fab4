// A device that computes in double by the references, for judging whole passes. Activations, coefficients, trained
// factors and gradients are F64; frozen weights stay what the files hold, exactly.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "ops/device.h"
#include "reference_back.h"
#include "reference_ops.h"

namespace amalgam::test {

/// The numbers of an array in main memory, of any float type or of U8; none for one without data.
inline reference::Numbers numbers_of(const ops::Array& array) {
  if (array.data == nullptr) return {};
  reference::Numbers numbers(array.rows, array.cols);
  std::vector<float> wide(static_cast<std::size_t>(array.cols));
  for (std::int64_t i = 0; i < array.rows; ++i) {
    const auto* row = static_cast<const std::byte*>(array.data) + ops::array_bytes(array.type, 1, i * array.stride);
    if (array.type == core::DType::F64) {
      std::memcpy(numbers.row(i), row, ops::array_bytes(array.type, 1, array.cols));
    } else if (array.type == core::DType::U8) {
      for (std::int64_t j = 0; j < array.cols; ++j) numbers(i, j) = static_cast<double>(row[j]);
    } else {
      core::to_f32(array.type, row, array.cols, wide.data());
      std::copy(wide.begin(), wide.end(), numbers.row(i));
    }
  }
  return numbers;
}

/// Puts numbers into an array in main memory, rounded to its type.
inline void put_numbers(const reference::Numbers& numbers, const ops::Array& array) {
  if (numbers.rows() != array.rows || numbers.cols() != array.cols) throw std::logic_error("put_numbers: shapes");
  for (std::int64_t i = 0; i < array.rows; ++i) {
    auto* row = static_cast<std::byte*>(array.data) + ops::array_bytes(array.type, 1, i * array.stride);
    if (array.type == core::DType::F64) {
      std::memcpy(row, numbers.row(i), ops::array_bytes(array.type, 1, array.cols));
    } else {
      const std::vector<float> rounded(numbers.row(i), numbers.row(i) + array.cols);
      core::from_f32(array.type, rounded.data(), array.cols, row);
    }
  }
}

class DoubleDevice final : public ops::Device {
 public:
  std::string name() const override { return "double"; }
  core::DType activations() const override { return core::DType::F64; }
  core::DType accumulators() const override { return core::DType::F64; }
  core::DType stored(core::DType file_type) const override {
    return file_type == core::DType::F64 ? core::DType::F64 : core::DType::F32;
  }
  ops::DeviceMemory memory() const override { return {std::uint64_t{1} << 40, std::uint64_t{1} << 40}; }

  void* allocate(std::size_t bytes) override {
    if (bytes == 0) return nullptr;
    auto memory = std::make_unique<double[]>((bytes + sizeof(double) - 1) / sizeof(double));
    void* data = memory.get();
    memory_.emplace(data, std::move(memory));
    return data;
  }
  void release(void* data) noexcept override { memory_.erase(data); }
  void upload(void* to, const void* host, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(to, host, bytes);
  }
  void download(void* host, const void* from, std::size_t bytes) override {
    if (bytes > 0) std::memcpy(host, from, bytes);
  }
  void fill_zero(void* data, std::size_t bytes) override {
    if (bytes > 0) std::memset(data, 0, bytes);
  }
  void wait() override {}

  void embed(ops::Array table, std::span<const std::int32_t> ids, ops::Array out) override {
    put_numbers(reference::embed(numbers_of(table), ids), out);
  }
  void rms_norm(ops::Array x, ops::Array weight, float eps, ops::Array out) override {
    put_numbers(reference::rms_norm(numbers_of(x), numbers_of(weight), eps), out);
  }
  void linear(ops::Array x, ops::Array w, ops::Array out, ops::Into into) override {
    put(reference::linear(numbers_of(x), numbers_of(w)), out, into);
  }
  void add_bias(ops::Array x, ops::Array bias) override {
    put_numbers(reference::add_bias(numbers_of(x), numbers_of(bias)), x);
  }
  void add_units(ops::Array x, ops::Array a, ops::Array b, ops::Array c, std::span<const std::int32_t> set_of_row,
                 ops::Array out) override {
    put(reference::units(numbers_of(x), numbers_of(a), numbers_of(b), numbers_of(c), set_of_row), out,
        ops::Into::accumulate);
  }
  void rope(ops::Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, ops::Array cosines,
            ops::Array sines) override {
    put_numbers(reference::rope(numbers_of(x), head_dim, positions, numbers_of(cosines), numbers_of(sines)), x);
  }
  void attention(ops::Array q, ops::Array k, ops::Array v, const ops::CacheLayer& cache,
                 std::span<const ops::SequenceRows> sequences, const ops::AttentionShape& shape,
                 ops::Array out) override {
    put_numbers(reference::attention(numbers_of(q), numbers_of(k), numbers_of(v), numbers_of(cache.keys),
                                     numbers_of(cache.values), cache.positions, sequences, shape),
                out);
  }
  void keep_keys(ops::Array k, ops::Array v, const ops::CacheLayer& cache,
                 std::span<const ops::SequenceRows> sequences) override {
    keep(k, cache.keys, cache.positions, sequences);
    keep(v, cache.values, cache.positions, sequences);
  }
  void swiglu(ops::Array gate, ops::Array up, ops::Array out) override {
    put_numbers(reference::swiglu(numbers_of(gate), numbers_of(up)), out);
  }
  void add(ops::Array x, ops::Array y) override { put(numbers_of(y), x, ops::Into::accumulate); }
  void token_choices(ops::Array x, ops::Array w, std::span<const std::int32_t> targets,
                     std::span<double> log_probabilities, std::span<std::int32_t> best) override {
    std::vector<std::int32_t> asked(targets.begin(), targets.end());
    asked.resize(static_cast<std::size_t>(x.rows), -1);
    const reference::Numbers hidden = numbers_of(x);
    const reference::Numbers head = numbers_of(w);
    const std::vector<std::int32_t> chosen = reference::token_choices(hidden, head, asked).best;
    for (std::size_t t = 0; t < asked.size(); ++t) {
      if (asked[t] == ops::best_token) asked[t] = std::max(chosen[t], 0);  // without a best one the result is NaN
    }
    const reference::Choices choices = reference::token_choices(hidden, head, asked);
    for (std::size_t t = 0; t < log_probabilities.size(); ++t) {
      if (asked[t] >= 0) log_probabilities[t] = choices.log_probabilities[t];
    }
    std::copy_n(choices.best.begin(), best.size(), best.begin());
  }

  void linear_back(ops::Array d_out, ops::Array w, ops::Array d_x, ops::Into into) override {
    put(reference::linear_back(numbers_of(d_out), numbers_of(w)), d_x, into);
  }
  void weight_back(ops::Array d_out, ops::Array x, ops::Array d_w) override {
    put(reference::weight_back(numbers_of(d_out), numbers_of(x)), d_w, ops::Into::accumulate);
  }
  void scale_units(ops::Array u, ops::Array c, std::span<const std::int32_t> set_of_row, ops::Array out) override {
    put_numbers(reference::scale_units(numbers_of(u), numbers_of(c), set_of_row), out);
  }
  void unit_back(ops::Array u, ops::Array v, std::span<const std::int32_t> set_of_row, ops::Array d_c) override {
    put(reference::unit_back(numbers_of(u), numbers_of(v), set_of_row, d_c.rows), d_c, ops::Into::accumulate);
  }
  void dropout(ops::Array x, float rate, std::uint64_t key, ops::Array out, ops::Into into) override {
    put(reference::dropout(numbers_of(x), rate, key), out, into);
  }
  void rms_norm_back(ops::Array x, ops::Array weight, float eps, ops::Array d_out, ops::Array d_x) override {
    put(reference::rms_norm_back(numbers_of(x), numbers_of(weight), eps, numbers_of(d_out)), d_x,
        ops::Into::accumulate);
  }
  void rope_back(ops::Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, ops::Array cosines,
                 ops::Array sines) override {
    put_numbers(reference::rope_back(numbers_of(d_x), head_dim, positions, numbers_of(cosines), numbers_of(sines)),
                d_x);
  }
  void attention_back(ops::Array q, ops::Array k, ops::Array v, ops::Array, ops::Array d_out,
                      std::span<const ops::SequenceRows> sequences, const ops::AttentionShape& shape, ops::Array d_q,
                      ops::Array d_k, ops::Array d_v) override {
    const reference::AttentionGradients d = reference::attention_back(numbers_of(q), numbers_of(k), numbers_of(v),
                                                                      numbers_of(d_out), sequences, shape);
    put_numbers(d.q, d_q);
    put_numbers(d.k, d_k);
    put_numbers(d.v, d_v);
  }
  void swiglu_back(ops::Array gate, ops::Array up, ops::Array d_out, ops::Array d_gate, ops::Array d_up) override {
    const reference::SwigluGradients d =
        reference::swiglu_back(numbers_of(gate), numbers_of(up), numbers_of(d_out));
    put_numbers(d.gate, d_gate);
    put_numbers(d.up, d_up);
  }
  void token_loss(ops::TokenObjective objective, ops::Array x, ops::Array w, std::span<const std::int32_t> targets,
                  std::span<const float> weights, std::span<double> values, ops::Array d_x) override {
    const reference::TokenLoss loss =
        reference::token_loss(objective, numbers_of(x), numbers_of(w), targets, weights);
    std::copy(loss.values.begin(), loss.values.end(), values.begin());
    if (d_x.data != nullptr) put_numbers(loss.d_x, d_x);
  }

  double squared_norm(ops::Array g, ops::Array mask) override {
    return reference::squared_norm(numbers_of(g), numbers_of(mask));
  }
  void adamw(ops::Array p, ops::Array g, ops::Array m, ops::Array v, ops::Array mask, const ops::AdamwStep& step,
             ops::Array copy) override {
    reference::Numbers values = numbers_of(p);
    reference::Numbers means = numbers_of(m);
    reference::Numbers squares = numbers_of(v);
    reference::adamw(values, numbers_of(g), means, squares, numbers_of(mask), step);
    put_numbers(values, p);
    put_numbers(means, m);
    put_numbers(squares, v);
    if (copy.data != nullptr) put_numbers(values, copy);
  }

 private:
  static void put(const reference::Numbers& numbers, const ops::Array& out, ops::Into into) {
    put_numbers(into == ops::Into::overwrite ? numbers.copy() : reference::add(numbers_of(out), numbers), out);
  }
  static void keep(const ops::Array& rows, const ops::Array& cache, std::int64_t positions,
                   std::span<const ops::SequenceRows> sequences) {
    reference::Numbers kept = numbers_of(cache);
    reference::keep(numbers_of(rows), kept, positions, sequences);
    put_numbers(kept, cache);
  }

  std::map<void*, std::unique_ptr<double[]>> memory_;
};

}  // namespace amalgam::test
