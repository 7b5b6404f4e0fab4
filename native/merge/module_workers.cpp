#include "merge/module_workers.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>

#include "core/thread_pool.h"

namespace amalgam::merge {

namespace {

/// The exception of the lowest index.
class FirstFailure {
 public:
  void add(std::int64_t index, std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (failure_ && index_ < index) return;
    index_ = index;
    failure_ = std::move(failure);
    any_ = true;
  }
  bool any() const { return any_; }
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> any_{false};
  std::int64_t index_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

void for_modules(std::int64_t count, int side_by_side, int threads, const core::CancelToken& cancel,
                 const std::function<void(std::int64_t, ModuleWorker&)>& body) {
  const int workers = static_cast<int>(std::min<std::int64_t>(std::min(side_by_side, threads), count));
  if (workers < 1) return;
  std::atomic<std::int64_t> next{0};
  FirstFailure failure;
  core::ThreadPool pool(workers);
  pool.parallel_for(workers, [&](std::int64_t, std::int64_t, int number) {
    std::int64_t i = -1;
    try {
      const int own_threads = threads / workers + (number < threads % workers ? 1 : 0);
      ModuleWorker worker{ops::Executor(own_threads, cancel), {}};
      while (!failure.any() && (i = next.fetch_add(1)) < count) body(i, worker);
    } catch (...) {
      failure.add(i, std::current_exception());
    }
  });
  failure.rethrow();
}

}  // namespace amalgam::merge
