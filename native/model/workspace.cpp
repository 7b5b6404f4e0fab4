#include "model/workspace.h"

#include "model/cutter.h"

namespace amalgam::model {

namespace {

/// Cuts all arrays; returns the bytes needed.
std::size_t lay_out(void* memory, core::DType type, const Config& config, std::int64_t tokens, Activations& out) {
  Cutter cutter(memory);
  const auto take = [&](std::int64_t cols) { return cutter.take(type, tokens, cols); };
  out.residual = take(config.hidden);
  out.normed = take(config.hidden);
  const std::size_t shared = cutter.place();
  out.q = take(config.heads * config.head_dim);
  out.k = take(config.kv_heads * config.head_dim);
  out.v = take(config.kv_heads * config.head_dim);
  out.attended = take(config.heads * config.head_dim);
  cutter.go_to(shared);
  out.gate = take(config.intermediate);
  out.up = take(config.intermediate);
  return cutter.bytes();
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
