// A context of the CUDA library with what every call of it needs: failures as Errors, memory that grows, and lists of whole
// numbers brought over to the card.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "ops/backend.h"
#include "ops/device.h"

namespace amalgam::ops {

/// Owns the stream of one card. After an error that the card does not recover from, every call throws "device-lost".
class CudaContext {
 public:
  CudaContext(const AmalgamBackend& backend, const AmalgamCublas* cublas, int index);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  const AmalgamBackend& backend() const { return backend_; }
  int index() const { return index_; }

  /// Calls a function of the table that takes a context first. Throws what the status says.
  template <typename... Parameters, typename... Arguments>
  void call(int32_t (*function)(AmalgamContext*, Parameters...), Arguments... arguments) {
    AmalgamFailure failure{};
    check_alive();
    check(function(context_, arguments..., &failure), failure);
  }

  void* allocate(std::size_t bytes);
  void release(void* memory) noexcept;

  /// Starts again, without cuBLAS.
  void reopen_without_cublas();

  /// Puts bytes on the card in the context's order, through pinned memory, without waiting.
  void send(void* target, const void* source, std::size_t bytes);

 private:
  void open(const AmalgamCublas* cublas);
  void close() noexcept;
  void check_alive() const;
  void check(int32_t status, const AmalgamFailure& failure);

  const AmalgamBackend& backend_;
  const int index_;
  AmalgamContext* context_ = nullptr;
  std::byte* ring_ = nullptr;  ///< pinned; used from ring_used_ on
  std::size_t ring_used_ = 0;
  std::string lost_;  ///< why the card is lost; empty while it is not
};

/// Memory of the card for one purpose, as large as the largest use so far.
class CardScratch {
 public:
  explicit CardScratch(CudaContext& context) : context_(context) {}
  ~CardScratch() { context_.release(memory_); }
  CardScratch(const CardScratch&) = delete;
  CardScratch& operator=(const CardScratch&) = delete;

  void* at_least(std::size_t bytes);
  template <typename T>
  T* numbers(std::int64_t count) {
    return static_cast<T*>(at_least(static_cast<std::size_t>(count) * sizeof(T)));
  }

 private:
  CudaContext& context_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// A list on the card, copied only when it differs from the one that is there: positions and the like are the same for all
/// layers.
template <typename T>
class CardList {
 public:
  explicit CardList(CudaContext& context) : context_(context), memory_(context) {}

  /// Valid in the context's order until the next call.
  const T* put(std::span<const T> values) {
    const bool there = values.size() == values_.size() &&
                       (values.empty() || std::memcmp(values.data(), values_.data(), values.size_bytes()) == 0);
    if (there) return on_card_;
    values_.clear();
    on_card_ = static_cast<const T*>(memory_.at_least(values.size_bytes()));
    context_.send(const_cast<T*>(on_card_), values.data(), values.size_bytes());
    values_.assign(values.begin(), values.end());
    return on_card_;
  }

 private:
  CudaContext& context_;
  CardScratch memory_;
  const T* on_card_ = nullptr;
  std::vector<T> values_;
};

}  // namespace amalgam::ops
