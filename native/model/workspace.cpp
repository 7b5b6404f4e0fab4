#include "model/workspace.h"

#include <algorithm>

namespace amalgam::model {

namespace {

constexpr std::size_t alignment = 256;  // of every array: what both processors and graphics cards like best

/// Hands out arrays one after the other from a block; with no block it only counts.
class Cutter {
 public:
  Cutter(void* memory, core::DType type, std::int64_t tokens)
      : memory_(static_cast<std::byte*>(memory)), type_(type), tokens_(tokens) {}

  ops::Array take(std::int64_t cols) {
    std::byte* place = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += (ops::array_bytes(type_, tokens_, cols) + alignment - 1) / alignment * alignment;
    return {place, type_, tokens_, cols, cols};
  }
  std::size_t used() const { return used_; }
  void go_to(std::size_t place) { used_ = place; }

 private:
  std::byte* memory_;
  core::DType type_;
  std::int64_t tokens_;
  std::size_t used_ = 0;
};

/// Cuts all arrays; returns the bytes needed.
std::size_t lay_out(void* memory, core::DType type, const Config& config, std::int64_t tokens, Activations& out) {
  Cutter cutter(memory, type, tokens);
  out.residual = cutter.take(config.hidden);
  out.normed = cutter.take(config.hidden);
  const std::size_t shared = cutter.used();
  out.q = cutter.take(config.heads * config.head_dim);
  out.k = cutter.take(config.kv_heads * config.head_dim);
  out.v = cutter.take(config.kv_heads * config.head_dim);
  out.attended = cutter.take(config.heads * config.head_dim);
  const std::size_t attention_end = cutter.used();
  cutter.go_to(shared);
  out.gate = cutter.take(config.intermediate);
  out.up = cutter.take(config.intermediate);
  return std::max(attention_end, cutter.used());
}

}  // namespace

Activations Workspace::take(ops::Device& device, const Config& config, std::int64_t tokens) {
  Activations activations;
  const std::size_t bytes = lay_out(nullptr, device.activations(), config, tokens, activations);
  if (bytes > memory_.bytes()) {
    memory_ = {};  // before the new one is asked for, or both would have to fit
    memory_ = ops::DeviceBuffer(device, bytes);
  }
  lay_out(memory_.data(), device.activations(), config, tokens, activations);
  return activations;
}

std::size_t Workspace::planned_bytes(const ops::Device& device, const Config& config, std::int64_t tokens) {
  Activations unused;
  return lay_out(nullptr, device.activations(), config, tokens, unused);
}

}  // namespace amalgam::model
