// Where the modules of a comparison are computed, while others are read.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "core/cancel.h"
#include "lora/compare_products.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// Threads and memory for one module at a time.
struct ComputingPlace {
  ComputingPlace(int threads, const core::CancelToken& cancel) : executor(threads, cancel) {}

  ops::Executor executor;
  GramSpace grams;
};

/// Fewer places than there are workers: who has read a module waits here for a free one, so that the disk and all
/// threads have work at the same time, and no more threads compute than were asked for.
class ComputingPlaces {
 public:
  /// Deals `threads` out to `count` places, 1 <= count <= threads. `cancel` must outlive them.
  ComputingPlaces(int threads, int count, const core::CancelToken& cancel) {
    for (int i = 0; i < count; ++i) {
      places_.push_back(std::make_unique<ComputingPlace>(threads / count + (i < threads % count ? 1 : 0), cancel));
      free_.push_back(places_.back().get());
    }
  }

  /// Runs compute(place) as soon as one is free, and returns what that returns.
  template <typename Compute>
  auto with_place(Compute compute) {
    const Loan loan(*this);
    return compute(loan.place());
  }

 private:
  class Loan {
   public:
    explicit Loan(ComputingPlaces& places) : places_(places), place_(places.take()) {}
    ~Loan() { places_.give_back(place_); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ComputingPlace& place() const { return *place_; }

   private:
    ComputingPlaces& places_;
    ComputingPlace* place_;
  };

  ComputingPlace* take() {
    std::unique_lock lock(mutex_);
    given_back_.wait(lock, [this] { return !free_.empty(); });
    ComputingPlace* place = free_.back();
    free_.pop_back();
    return place;
  }
  void give_back(ComputingPlace* place) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(place);
    }
    given_back_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable given_back_;
  std::vector<std::unique_ptr<ComputingPlace>> places_;
  std::vector<ComputingPlace*> free_;
};

}  // namespace amalgam::lora
