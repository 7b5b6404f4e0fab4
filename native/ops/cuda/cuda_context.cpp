#include "ops/cuda/cuda_context.h"

#include <algorithm>

#include "core/error.h"

namespace amalgam::ops {

namespace {

constexpr std::size_t ring_bytes = std::size_t{4} << 20;
constexpr std::size_t ring_alignment = 16;

// Statuses of CUDA, numbered in driver_types.h.
constexpr int32_t no_memory = 2;
constexpr int32_t lasting[] = {
    46,   // device unavailable
    100,  // no device
    214,  // uncorrectable memory error
    220,  // the same on a link between cards
    700,  // illegal address
    702,  // a kernel ran too long
    709,  // context destroyed
    710,  // assertion
    714,  // hardware stack
    715,  // illegal instruction
    716,  // misaligned address
    717,  // address space
    718,  // invalid program counter
    719,  // launch failure
    721,  // contained
    999,  // unknown
};

bool lasts(int32_t status) { return std::find(std::begin(lasting), std::end(lasting), status) != std::end(lasting); }

}  // namespace

CudaContext::CudaContext(const AmalgamBackend& backend, const AmalgamCublas* cublas, int index)
    : backend_(backend), index_(index) {
  open(cublas);
}

CudaContext::~CudaContext() { close(); }

void CudaContext::open(const AmalgamCublas* cublas) {
  AmalgamFailure failure{};
  check(backend_.context_open(index_, cublas, &context_, &failure), failure);
  try {
    void* pinned = nullptr;
    call(backend_.allocate_pinned, ring_bytes, &pinned);
    ring_ = static_cast<std::byte*>(pinned);
    ring_used_ = 0;
  } catch (...) {
    close();
    throw;
  }
}

// What fails here is lost with the process at the latest.
void CudaContext::close() noexcept {
  if (context_ == nullptr) return;
  AmalgamFailure ignored{};
  if (ring_ != nullptr) backend_.release_pinned(context_, ring_, &ignored);
  backend_.context_close(context_, &ignored);
  ring_ = nullptr;
  context_ = nullptr;
}

void CudaContext::reopen_without_cublas() {
  close();
  open(nullptr);
}

void CudaContext::check_alive() const {
  if (!lost_.empty()) throw core::Error("device-lost", lost_);
}

void CudaContext::check(int32_t status, const AmalgamFailure& failure) {
  if (status == 0) return;
  if (lasts(status)) {
    lost_ = "The graphics card cuda:" + std::to_string(index_) + " stopped working: " + failure.message;
    throw core::Error("device-lost", lost_).with_hint("Start Amalgam again; finished examples are kept.");
  }
  if (status == no_memory) throw core::Error("out-of-memory", failure.message);
  throw core::Error("cuda-error", failure.message);
}

void* CudaContext::allocate(std::size_t bytes) {
  check_alive();
  void* memory = nullptr;
  AmalgamFailure failure{};
  const int32_t status = backend_.allocate(index_, bytes, &memory, &failure);
  if (status == no_memory) {
    uint64_t free_bytes = 0;
    uint64_t total_bytes = 0;
    call(backend_.memory_info, &free_bytes, &total_bytes);
    throw core::Error("out-of-memory", "The graphics card cuda:" + std::to_string(index_) + " has no " +
                                           std::to_string(bytes) + " bytes left: " + std::to_string(free_bytes) +
                                           " of " + std::to_string(total_bytes) + " are free.");
  }
  check(status, failure);
  return memory;
}

void CudaContext::release(void* memory) noexcept {
  if (memory == nullptr || !lost_.empty()) return;
  AmalgamFailure ignored{};  // the next call meets an error of the card again
  backend_.release(index_, memory, &ignored);
}

void CudaContext::send(void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  if (bytes > ring_bytes) return call(backend_.copy_in, target, source, static_cast<uint64_t>(bytes));
  if (ring_used_ + bytes > ring_bytes) {
    call(backend_.wait);  // until nothing of the ring is still to be read
    ring_used_ = 0;
  }
  std::memcpy(ring_ + ring_used_, source, bytes);
  call(backend_.copy_in, target, static_cast<const void*>(ring_ + ring_used_), static_cast<uint64_t>(bytes));
  ring_used_ += (bytes + ring_alignment - 1) / ring_alignment * ring_alignment;
}

void* CardScratch::at_least(std::size_t bytes) {
  if (bytes <= bytes_) return memory_;
  context_.release(memory_);
  memory_ = nullptr;
  bytes_ = 0;
  memory_ = context_.allocate(bytes);
  bytes_ = bytes;
  return memory_;
}

}  // namespace amalgam::ops
