#include "ops/cpu/cpu_device.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>

#include "core/error.h"
#include "core/memory.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops::cpu {

namespace {

/// A field of /proc/meminfo in bytes, 0 where there is none.
std::uint64_t memory_fact(const std::string& field) {
  std::ifstream facts("/proc/meminfo");
  for (std::string line; std::getline(facts, line);) {
    if (line.starts_with(field + ":")) return std::stoull(line.substr(field.size() + 1)) * 1024;
  }
  return 0;
}

/// The number in a file of this process's control group, or `otherwise` when there is no such file or no limit in it.
std::uint64_t group_fact(const char* file, std::uint64_t otherwise) {
  std::ifstream facts(file);
  std::uint64_t bytes = 0;
  return facts >> bytes ? bytes : otherwise;
}

}  // namespace

CpuDevice::CpuDevice(int threads, const core::CancelToken& cancel, core::InstructionSet set)
    : executor_(threads, cancel, set) {}

CpuDevice::~CpuDevice() {
  for (const auto& [data, bytes] : sizes_) core::release(data, bytes);
}

core::DType CpuDevice::stored(core::DType file_type) const {
  if (!core::is_readable_float(file_type)) throw std::logic_error("CpuDevice::stored: no float type");
  return file_type == core::DType::F64 ? core::DType::F32 : file_type;
}

DeviceMemory CpuDevice::memory() const {
  DeviceMemory memory{memory_fact("MemAvailable"), memory_fact("MemTotal")};
  const std::uint64_t limit = group_fact("/sys/fs/cgroup/memory.max", memory.total_bytes);
  const std::uint64_t used = group_fact("/sys/fs/cgroup/memory.current", 0);
  if (limit < memory.total_bytes) {
    memory.total_bytes = limit;
    memory.free_bytes = std::min(memory.free_bytes, limit - std::min(limit, used));
  }
  return memory;
}

void* CpuDevice::allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  try {
    const std::lock_guard lock(mutex_);
    sizes_.reserve(sizes_.size() + 1);
    void* data = core::allocate_zeroed(bytes);
    sizes_.emplace(data, bytes);
    return data;
  } catch (const std::bad_alloc&) {
    throw core::Error("out-of-memory", "There are no " + std::to_string(bytes) + " bytes of memory left.");
  }
}

void CpuDevice::release(void* data) noexcept {
  if (data == nullptr) return;
  const std::lock_guard lock(mutex_);
  const auto entry = sizes_.find(data);
  if (entry == sizes_.end()) return;
  core::release(data, entry->second);
  sizes_.erase(entry);
}

void CpuDevice::upload(void* to, const void* host, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, host, bytes);
}

void CpuDevice::download(void* host, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(host, from, bytes);
}

void CpuDevice::fill_zero(void* data, std::size_t bytes) {
  if (bytes > 0) std::memset(data, 0, bytes);
}

void CpuDevice::embed(Array table, std::span<const std::int32_t> ids, Array out) {
  cpu::embed(executor_, table, ids, out);
}

void CpuDevice::rms_norm(Array x, Array weight, float eps, Array out) { cpu::rms_norm(executor_, x, weight, eps, out); }

void CpuDevice::linear(Array x, Array w, Array out, Into into) { cpu::linear(executor_, x, w, out, into); }

void CpuDevice::add_bias(Array x, Array bias) { cpu::add_bias(executor_, x, bias); }

void CpuDevice::add_units(Array x, Array a, Array b, Array c, std::span<const std::int32_t> set_of_row, Array out) {
  cpu::add_units(executor_, x, a, b, c, set_of_row, out);
}

void CpuDevice::rope(Array x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                     Array sines) {
  cpu::rope(executor_, x, head_dim, positions, cosines, sines);
}

void CpuDevice::attention(Array q, Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences,
                          const AttentionShape& shape, Array out) {
  cpu::attention(executor_, q, k, v, cache, sequences, shape, out);
}

void CpuDevice::keep_keys(Array k, Array v, const CacheLayer& cache, std::span<const SequenceRows> sequences) {
  cpu::keep_keys(k, v, cache, sequences);
}

void CpuDevice::swiglu(Array gate, Array up, Array out) { cpu::swiglu(executor_, gate, up, out); }

void CpuDevice::add(Array x, Array y) { cpu::add(executor_, x, y); }

void CpuDevice::token_choices(Array x, Array w, std::span<const std::int32_t> targets,
                              std::span<double> log_probabilities, std::span<std::int32_t> best) {
  cpu::token_choices(executor_, x, w, targets, log_probabilities, best);
}

void CpuDevice::linear_back(Array d_out, Array w, Array d_x, Into into) {
  cpu::linear_back(executor_, d_out, w, d_x, into);
}

void CpuDevice::weight_back(Array d_out, Array x, Array d_w) { cpu::weight_back(executor_, d_out, x, d_w); }

void CpuDevice::scale_units(Array u, Array c, std::span<const std::int32_t> set_of_row, Array out) {
  cpu::scale_units(executor_, u, c, set_of_row, out);
}

void CpuDevice::unit_back(Array u, Array v, std::span<const std::int32_t> set_of_row, Array d_c) {
  cpu::unit_back(executor_, u, v, set_of_row, d_c);
}

void CpuDevice::dropout(Array x, float rate, std::uint64_t key, Array out, Into into) {
  cpu::dropout(executor_, x, rate, key, out, into);
}

void CpuDevice::rms_norm_back(Array x, Array weight, float eps, Array d_out, Array d_x) {
  cpu::rms_norm_back(executor_, x, weight, eps, d_out, d_x);
}

void CpuDevice::rope_back(Array d_x, std::int64_t head_dim, std::span<const std::int32_t> positions, Array cosines,
                          Array sines) {
  cpu::rope_back(executor_, d_x, head_dim, positions, cosines, sines);
}

void CpuDevice::swiglu_back(Array gate, Array up, Array d_out, Array d_gate, Array d_up) {
  cpu::swiglu_back(executor_, gate, up, d_out, d_gate, d_up);
}

double CpuDevice::squared_norm(Array g, Array mask) { return cpu::squared_norm(executor_, g, mask); }

void CpuDevice::adamw(Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step, Array copy) {
  cpu::adamw(executor_, p, g, m, v, mask, step, copy);
}

void CpuDevice::attention_back(Array q, Array k, Array v, Array out, Array d_out,
                               std::span<const SequenceRows> sequences, const AttentionShape& shape, Array d_q,
                               Array d_k, Array d_v) {
  cpu::attention_back(executor_, q, k, v, out, d_out, sequences, shape, d_q, d_k, d_v);
}

void CpuDevice::token_loss(TokenObjective objective, Array x, Array w, std::span<const std::int32_t> targets,
                           std::span<const float> weights, std::span<double> values, Array d_x) {
  cpu::token_loss(executor_, objective, x, w, targets, weights, values, d_x);
}

}  // namespace amalgam::ops::cpu
