// A small fixed pool for data-parallel loops.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace amalgam::core {

/// A pool of `threads` workers, the calling thread being worker 0. One loop at a time: a parallel_for from inside a
/// body, or from a second thread at once, is a bug and throws std::logic_error.
class ThreadPool {
 public:
  using Body = std::function<void(std::int64_t begin, std::int64_t end, int worker)>;

  /// `threads` from 1 to 1024; 1 starts no thread at all. Throws Error "request-invalid" outside that range.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept { return threads_; }

  /// Cuts [0, count) into threads() runs in order, equal but for one more in the first count % threads() of them, and
  /// returns when all are done. A worker whose run is empty is not called. When bodies throw, all the others still
  /// finish and the exception of the lowest worker is rethrown here.
  void parallel_for(std::int64_t count, const Body& body);

 private:
  void close() noexcept;
  void work(int worker);
  void run_share(int worker) noexcept;

  int threads_;
  std::mutex mutex_;
  std::condition_variable begin_;
  std::condition_variable end_;
  std::uint64_t round_ = 0;
  int pending_ = 0;
  bool busy_ = false;
  bool closing_ = false;
  std::int64_t count_ = 0;
  const Body* body_ = nullptr;
  std::vector<std::exception_ptr> failures_;  // one per worker, written by that worker only
  std::vector<std::thread> workers_;
};

}  // namespace amalgam::core
